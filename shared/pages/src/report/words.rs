//! The words and figures of reports, in both languages.

use resound_domain::issue::Effort;
use resound_domain::issue::kano::Class;
use resound_domain::locale::Locale;
use resound_domain::report::Told;
use resound_domain::triage::Category;

/// What stands for a number that is hidden: of few people, or what would tell of them. Which of both must not be told.
pub(super) fn hidden(locale: Locale) -> &'static str {
    locale.choose("已隐去", "hidden")
}

/// Why something is hidden.
pub(super) fn why_hidden(locale: Locale) -> &'static str {
    locale.choose(
        "不足 5 人的数字，以及会由其他数字推算出它们的，均已隐去。",
        "Numbers of fewer than 5 people are hidden, and so are those that would give them away.",
    )
}

/// What stands where there is nothing to count.
pub(super) const NONE: &str = "–";

/// What is told, or why not.
pub(super) fn told<T>(told: &Told<T>, locale: Locale, show: impl FnOnce(&T) -> String) -> String {
    match told {
        Told::Nobody => NONE.to_owned(),
        Told::Hidden => hidden(locale).to_owned(),
        Told::Shown(shown) => show(shown),
    }
}

/// To one decimal, with a true minus sign.
pub(super) fn decimal(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_prefix('-') {
        Some("0.0") => "0.0".to_owned(),
        Some(size) => format!("−{size}"),
        None => text,
    }
}

/// The same of a difference, with its sign.
pub(super) fn signed(value: f64) -> String {
    let text = decimal(value);
    match text.starts_with('−') || text == "0.0" {
        true => text,
        false => format!("+{text}"),
    }
}

/// From one number to another.
pub(super) fn range([low, high]: [f64; 2], locale: Locale, show: impl Fn(f64) -> String) -> String {
    let to = locale.choose(" 至 ", " to ");
    format!("{}{to}{}", show(low), show(high))
}

/// A number with its interval in brackets.
pub(super) fn with_range(
    value: f64,
    interval: Option<[f64; 2]>,
    locale: Locale,
    show: impl Fn(f64) -> String,
) -> String {
    let shown = show(value);
    match interval {
        Some(interval) => format!("{shown} ({})", range(interval, locale, show)),
        None => shown,
    }
}

/// A duration, to the minute above an hour and to the hour above two days.
pub(super) fn duration(seconds: f64, locale: Locale) -> String {
    let minutes = (seconds / 60.0).round();
    let hours = (minutes / 60.0).floor();
    let days = (hours / 24.0).floor();
    let (of_hour, of_day) = (minutes - 60.0 * hours, hours - 24.0 * days);
    match locale {
        Locale::ZhCn if days >= 2.0 => format!("{days} 天 {of_day} 小时"),
        Locale::ZhCn if hours >= 1.0 => format!("{hours} 小时 {of_hour} 分"),
        Locale::ZhCn => format!("{minutes} 分"),
        Locale::En if days >= 2.0 => format!("{days} d {of_day} h"),
        Locale::En if hours >= 1.0 => format!("{hours} h {of_hour} min"),
        Locale::En => format!("{minutes} min"),
    }
}

/// What is wrong, or what it is about.
pub(super) fn category(category: Category, locale: Locale) -> &'static str {
    let (zh_cn, en) = match category {
        Category::Function => ("功能", "Function"),
        Category::Performance => ("性能", "Performance"),
        Category::Experience => ("体验", "Experience"),
        Category::Suggestion => ("建议", "Suggestion"),
        Category::Praise => ("表扬", "Praise"),
        Category::Other => ("其他", "Other"),
    };
    locale.choose(zh_cn, en)
}

/// The category of this published name, or the name.
pub(super) fn theme(name: &str, locale: Locale) -> String {
    match Category::from_name(name) {
        Some(known) => category(known, locale).to_owned(),
        None => name.to_owned(),
    }
}

/// A touchpoint that triage names, in words; what a sender named, as they named it.
pub(super) fn touchpoint(name: &str, locale: Locale) -> String {
    let (zh_cn, en) = match name {
        "product" => ("产品使用", "Product use"),
        "service" => ("客户服务", "Customer service"),
        "marketing" => ("营销", "Marketing"),
        "logistics" => ("物流", "Logistics"),
        "aftersales" => ("售后", "After-sales"),
        other => return other.to_owned(),
    };
    locale.choose(zh_cn, en).to_owned()
}

/// What it would take.
pub(super) fn effort(effort: Option<Effort>, locale: Locale) -> &'static str {
    let (zh_cn, en) = match effort {
        Some(Effort::Small) => ("小（一人数天）", "small (days of one person)"),
        Some(Effort::Medium) => ("中（数周）", "medium (weeks)"),
        Some(Effort::Large) => ("大（数月）", "large (months)"),
        None => ("未估算", "not estimated"),
    };
    locale.choose(zh_cn, en)
}

/// What it would be worth.
pub(super) fn kano(class: Class, locale: Locale) -> &'static str {
    let (zh_cn, en) = match class {
        Class::MustBe => ("必备型", "must-be"),
        Class::OneDimensional => ("期望型", "one-dimensional"),
        Class::Attractive => ("魅力型", "attractive"),
        Class::Indifferent => ("无差异型", "indifferent"),
        Class::Reverse => ("反向型", "reverse"),
        Class::Questionable => ("存疑", "questionable"),
    };
    locale.choose(zh_cn, en)
}

/// A channel.
pub(super) fn channel(name: &str, locale: Locale) -> String {
    let (zh_cn, en) = match name {
        "web" => ("网页", "Web"),
        "app" => ("应用", "App"),
        "email" => ("电子邮件", "E-mail"),
        "chat" => ("在线聊天", "Chat"),
        "phone" => ("电话", "Phone"),
        "social" => ("社交媒体", "Social media"),
        "store" => ("门店", "Store"),
        "sales" => ("销售拜访", "Sales visit"),
        "partner" => ("合作伙伴", "Partner"),
        other => return other.to_owned(),
    };
    locale.choose(zh_cn, en).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use resound_domain::submission::Channel;

    #[test]
    fn figures_read_as_figures() {
        assert_eq!(decimal(-13.25), "−13.2");
        assert_eq!(decimal(-0.04), "0.0");
        assert_eq!(signed(3.0), "+3.0");
        assert_eq!(signed(0.01), "0.0");
        assert_eq!(signed(-2.0), "−2.0");
        let interval = Some([-1.0, 2.5]);
        assert_eq!(
            with_range(0.5, interval, Locale::En, decimal),
            "0.5 (−1.0 to 2.5)"
        );
        assert_eq!(
            with_range(0.5, interval, Locale::ZhCn, decimal),
            "0.5 (−1.0 至 2.5)"
        );
        for (seconds, en) in [
            (0.0, "0 min"),
            (3599.0, "1 h 0 min"),
            (7500.0, "2 h 5 min"),
            (172_799.0, "2 d 0 h"),
            (264_000.0, "3 d 1 h"),
        ] {
            assert_eq!(duration(seconds, Locale::En), en);
        }
    }

    #[test]
    fn every_channel_has_words() {
        for of in Channel::ALL {
            assert_ne!(channel(of.name(), Locale::ZhCn), of.name());
        }
    }
}
