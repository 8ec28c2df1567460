//! Masking of personal data, for everyone who does not need to see it.
//!
//! What is recognised: e-mail addresses; mobile and landline numbers of mainland China, numbers written with `+` and a
//! country code, and North American numbers; identity card numbers of mainland China (18 characters, by date and
//! checksum); bank card numbers (13 to 19 digits, by checksum). Names and street addresses are not: rules cannot tell
//! them from other words.

/// An e-mail address for display: `zhang.san@example.com` is `z***@example.com`. What is not an address is hidden whole.
pub fn mask_email(email: &str) -> String {
    let Some((local, domain)) = email.rsplit_once('@') else {
        return "***".to_owned();
    };
    let mut chars = local.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(_)) => format!("{first}***@{domain}"),
        // A local part of one character would be shown whole.
        _ => format!("***@{domain}"),
    }
}

/// A phone number for display: `+86 138 0013 8000` is `+** *** **** 8000`, `13800138000` is `138****8000`.
///
/// The last four digits stay, and the first three of a mobile number of mainland China; of fewer than eight digits
/// only the last two.
pub fn mask_phone(phone: &str) -> String {
    let digits: Vec<u8> = phone.chars().filter_map(digit).collect();
    let first = if is_mobile(&digits) { 3 } else { 0 };
    mask_digits(phone, first, if digits.len() < 8 { 2 } else { 4 })
}

/// A text for display, with the personal data in it masked: e-mail addresses and phone numbers as by [`mask_email`] and
/// [`mask_phone`], bank cards but for the last four digits, identity cards whole.
///
/// Takes time proportional to the length of the text. Masking a masked text changes nothing.
pub fn mask_text(text: &str) -> String {
    mask_numbers(&mask_emails(text))
}

fn mask_emails(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        let (_, after) = after.split_at(1);
        // A star is allowed in an address, but here it is the mark of one that is masked.
        let local = before.len()
            - tail(before, |c| {
                c.is_ascii_alphanumeric() || "!#$%&'+-/=?^_`{|}~.".contains(c)
            });
        let domain = head(after, |c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
        let domain = after.split_at(domain).0.trim_end_matches(['.', '-']);
        let (kept, local) = before.split_at(local);
        let (_, following) = after.split_at(domain.len());
        out.push_str(kept);
        if local.is_empty() || !domain.contains('.') {
            out.push_str(local);
            out.push('@');
            out.push_str(domain);
        } else {
            out.push_str(&mask_email(&format!("{local}@{domain}")));
        }
        rest = following;
    }
    out.push_str(rest);
    out
}

/// How many bytes at the beginning of a text are of such characters.
fn head(text: &str, of: impl Fn(char) -> bool) -> usize {
    text.find(|c| !of(c)).unwrap_or(text.len())
}

/// How many bytes at the end of a text are of such characters.
fn tail(text: &str, of: impl Fn(char) -> bool) -> usize {
    text.len() - text.trim_end_matches(of).len()
}

/// Digits that stand together.
struct Group {
    start: usize,
    end: usize,
    digits: Vec<u8>,
}

/// The most groups a number is written in.
const MOST_GROUPS: usize = 6;

fn mask_numbers(text: &str) -> String {
    let groups = groups(text);
    let mut out = String::with_capacity(text.len());
    let (mut written, mut next) = (0, 0);
    while let Some(first) = groups.get(next) {
        let plus = text
            .get(..first.start)
            .is_some_and(|before| before.ends_with(['+', '＋']));
        // The longest number that begins here.
        let found = (1..=MOST_GROUPS).rev().find_map(|count| {
            let groups = groups.get(next..next + count)?;
            let last = groups.last()?;
            let joined = groups
                .iter()
                .zip(groups.iter().skip(1))
                .all(|(a, b)| joins(text, a, b));
            let mask = if joined {
                recognise(text, groups, plus)
            } else {
                None
            };
            Some((count, last.end, mask?))
        });
        let Some((count, end, (first_kept, last_kept))) = found else {
            next += 1;
            continue;
        };
        // An identity card may end in X, which is no digit.
        let end = if first_kept == 0 && last_kept == 0 {
            end + head_x(text, end)
        } else {
            end
        };
        out.push_str(text.get(written..first.start).unwrap_or_default());
        out.push_str(&mask_digits(
            text.get(first.start..end).unwrap_or_default(),
            first_kept,
            last_kept,
        ));
        (written, next) = (end, next + count);
    }
    out.push_str(text.get(written..).unwrap_or_default());
    out
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (start, c) in text.char_indices() {
        let Some(value) = digit(c) else { continue };
        let end = start + c.len_utf8();
        match groups.last_mut() {
            Some(group) if group.end == start => {
                group.end = end;
                group.digits.push(value);
            }
            _ => groups.push(Group {
                start,
                end,
                digits: vec![value],
            }),
        }
    }
    groups
}

/// Whether what stands between two groups can stand inside one number.
fn joins(text: &str, a: &Group, b: &Group) -> bool {
    text.get(a.end..b.start).is_some_and(|gap| {
        gap.chars().count() <= 2 && gap.chars().all(|c| " -.()（）－–\u{a0}".contains(c))
    })
}

/// How many digits of a number to keep at its beginning and end; `None` if these groups are not one we mask.
fn recognise(text: &str, groups: &[Group], plus: bool) -> Option<(usize, usize)> {
    let digits: Vec<u8> = groups.iter().flat_map(|g| &g.digits).copied().collect();
    let sizes: Vec<usize> = groups.iter().map(|g| g.digits.len()).collect();
    let end = groups.last()?.end;
    if sizes.len() == 1 && is_identity_card(&digits, head_x(text, end) > 0) {
        return Some((0, 0));
    }
    let mobile = |digits: &[u8], sizes: &[usize]| {
        is_mobile(digits)
            && matches!(
                sizes,
                [11] | [3, 4, 4] | [3, 8] | [7, 4] | [4, 3, 4] | [3, 3, 5] | [5, 6]
            )
    };
    if mobile(&digits, &sizes) {
        return Some((3, 4));
    }
    let phone = match digits.as_slice() {
        _ if plus => (8..=15).contains(&digits.len()),
        // 86 138..., 0086 138..., written together or apart.
        [8, 6, number @ ..] if matches!(*sizes.as_slice(), [13] | [2, ..]) && is_mobile(number) => {
            true
        }
        [0, 0, 8, 6, number @ ..] if is_mobile(number) => true,
        // An area code with its zero, two or three more digits, and a local number of seven or eight.
        [0, 1..=9, ..] => matches!(
            *sizes.as_slice(),
            [10..=12] | [3 | 4, 7 | 8] | [3 | 4, 4, 4] | [3 | 4, 3, 4]
        ),
        [2..=9, ..] => matches!(*sizes.as_slice(), [3, 3, 4]),
        [1, 2..=9, ..] => matches!(*sizes.as_slice(), [1, 3, 3, 4]),
        _ => false,
    };
    if phone {
        return Some((0, 4));
    }
    let written_as_card = match sizes.as_slice() {
        [13..=19] | [6, 7..=13] | [4, 6, 4 | 5] => true,
        [fours @ .., last] => {
            fours.len() >= 3 && fours.iter().all(|&n| n == 4) && (1..=4).contains(last)
        }
        [] => false,
    };
    (written_as_card && (13..=19).contains(&digits.len()) && is_card(&digits)).then_some((0, 4))
}

/// A mobile number of mainland China, without country code.
fn is_mobile(digits: &[u8]) -> bool {
    matches!(digits, [1, 3..=9, ..]) && digits.len() == 11
}

/// Luhn's checksum (ISO/IEC 7812-1), of a number that does not begin with zero.
fn is_card(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &d)| {
            let d = u32::from(d);
            match (i % 2, d) {
                (0, _) => d,
                (_, 5..) => 2 * d - 9,
                _ => 2 * d,
            }
        })
        .sum();
    sum.is_multiple_of(10) && digits.first().is_some_and(|&d| d != 0)
}

/// An identity card number of mainland China (GB 11643): a plausible date and the checksum of ISO 7064 MOD 11-2.
fn is_identity_card(digits: &[u8], then_x: bool) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let check = match (digits.len(), then_x) {
        (17, true) => 10,
        (18, false) => digits.last().copied().map_or(11, u32::from),
        _ => return false,
    };
    let number = |from: usize, to: usize| {
        digits
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .fold(0_u32, |n, &d| n * 10 + u32::from(d))
    };
    let dated = (1800..2200).contains(&number(6, 10))
        && (1..=12).contains(&number(10, 12))
        && (1..=31).contains(&number(12, 14));
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(&d, w)| u32::from(d) * w)
        .sum();
    dated && (sum + check) % 11 == 1
}

/// The length of an `X` that ends an identity card number and no word, in bytes.
fn head_x(text: &str, at: usize) -> usize {
    let mut chars = text.get(at..).unwrap_or_default().chars();
    let x = matches!(chars.next(), Some('x' | 'X'));
    usize::from(x && !chars.next().is_some_and(|c| c.is_ascii_alphanumeric()))
}

fn mask_digits(number: &str, first: usize, last: usize) -> String {
    let is_digit = |c: char| digit(c).is_some() || matches!(c, 'x' | 'X');
    let count = number.chars().filter(|&c| is_digit(c)).count();
    let mut seen = 0;
    number
        .chars()
        .map(|c| {
            if !is_digit(c) {
                return c;
            }
            seen += 1;
            if seen <= first || seen + last > count {
                c
            } else {
                '*'
            }
        })
        .collect()
}

/// The value of a digit, also of a full-width one.
fn digit(c: char) -> Option<u8> {
    let value = match c {
        '0'..='9' => u32::from(c) - u32::from('0'),
        '０'..='９' => u32::from(c) - u32::from('０'),
        _ => return None,
    };
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn personal_data_is_masked() {
        for (text, masked) in [
            ("写信到zhang.san@qq.com谢谢", "写信到z***@qq.com谢谢"),
            (
                "a@b.cn, <bob+x@shop.example>.",
                "***@b.cn, <b***@shop.example>.",
            ),
            (
                "mail me at bob@shop.example.",
                "mail me at b***@shop.example.",
            ),
            ("打我电话13800138000", "打我电话138****8000"),
            (
                "138-0013-8000 或 138 0013 8000",
                "138-****-8000 或 138 **** 8000",
            ),
            ("１３８００１３８０００", "１３８****８０００"),
            ("8613800138000", "*********8000"),
            ("+86 138 0013 8000", "+** *** **** 8000"),
            ("0086-13800138000", "****-*******8000"),
            ("座机 010-65529988", "座机 ***-****9988"),
            ("(0571) 8888 1234", "(****) **** 1234"),
            (
                "Call +1 (415) 555-2671 or +44 20 7946 0958",
                "Call +* (***) ***-2671 or +** ** **** 0958",
            ),
            ("415-555-2671", "***-***-2671"),
            ("身份证11010519491231002X。", "身份证******************。"),
            ("ID 110105194912310 02X", "ID 110105194912310 02X"),
            ("440524188001010014", "******************"),
            (
                "卡号 6222 0200 0000 0000 000 招行",
                "卡号 **** **** **** ***0 000 招行",
            ),
            ("4111 1111 1111 1111", "**** **** **** 1111"),
            ("4111-1111-1111-1111", "****-****-****-1111"),
            ("5500005555555559", "************5559"),
            (
                "378282246310005 / 3782 822463 10005",
                "***********0005 / **** ****** *0005",
            ),
            (
                "4111111111111111 13800138000",
                "************1111 138****8000",
            ),
        ] {
            assert_eq!(mask_text(text), masked, "{text}");
        }
    }

    #[test]
    fn what_is_no_personal_data_stays() {
        for text in [
            "订单 20261121",
            "order 12345678 of 2026-11-21 10:30:00",
            "2026-11-21 2026-11-22",
            "2026.11.21-2026.11.30",
            "¥1299.00, 12,999.50",
            "20261121103000123",
            "1234567890123456",
            "version 1.2.3 on 192.168.100.200",
            "95588, 10086, 12315",
            "12800138000",
            "110105194912310021",
            "110105194913310020",
            "@user and a@b and @ and user@localhost",
            "3 + 5 = 8, +5 stars, 10/10",
            "isbn 978-7-5399",
            "100% 满意 👍",
            "",
        ] {
            assert_eq!(mask_text(text), text);
        }
    }

    #[test]
    fn contacts_are_shown_in_part() {
        for (email, masked) in [
            ("zhang.san@example.com", "z***@example.com"),
            ("a@example.com", "***@example.com"),
            ("@example.com", "***@example.com"),
            ("nonsense", "***"),
        ] {
            assert_eq!(mask_email(email), masked);
        }
        for (phone, masked) in [
            ("13800138000", "138****8000"),
            ("+86 138-0013-8000", "+** ***-****-8000"),
            ("(010) 6552 9988", "(***) **** 9988"),
            ("95588", "***88"),
            ("", ""),
        ] {
            assert_eq!(mask_phone(phone), masked);
        }
    }

    proptest! {
        #[test]
        fn masking_twice_is_masking_once(text in "[0-9０-９Xx@.+() *a-z:张-]{0,60}|.{0,60}") {
            let once = mask_text(&text);
            prop_assert_eq!(mask_text(&once), once);
        }

        #[test]
        fn no_mobile_number_survives(before in "[^0-9０-９+().@ -]{0,9}", number in "1[3-9][0-9]{9}", after in "[^0-9０-９().@ -]{0,9}") {
            let masked = mask_text(&format!("{before}{number}{after}"));
            prop_assert!(!masked.contains(&number), "{}", masked);
        }

        #[test]
        fn only_digits_and_addresses_change(text in "[^0-9０-９@]{0,80}") {
            prop_assert_eq!(mask_text(&text), text);
        }
    }
}
