//! What the customers and the staff of the demo say. Nobody real is meant.

use super::fix::SIGNS;

/// What a made-up customer is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Happy,
    Content,
    Unhappy,
    Alarmed,
    Asking,
    Wishing,
}

/// Something a customer says: mood, touchpoint, Chinese, English.
pub(super) struct Line(
    pub(super) Mood,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
);

impl Line {
    /// Whether it complains of what is mended in the end.
    pub(super) fn is_of_the_fix(&self) -> bool {
        SIGNS
            .iter()
            .any(|sign| self.2.contains(sign) || self.3.contains(sign))
    }
}

pub(super) const LINES: &[Line] = &[
    Line(
        Mood::Happy,
        "product",
        "台灯很好用，光线柔和，孩子写作业再也不揉眼睛了。",
        "The lamp is lovely: soft light, and my daughter no longer rubs her eyes over homework.",
    ),
    Line(
        Mood::Happy,
        "product",
        "用了一个月，风扇几乎没有声音，非常满意。",
        "A month in and the fan is all but silent. Very happy with it.",
    ),
    Line(
        Mood::Happy,
        "service",
        "客服小李特别耐心，十分钟就把问题解决了，给个赞！",
        "Your agent was so patient and had it solved in ten minutes. Thank you!",
    ),
    Line(
        Mood::Happy,
        "logistics",
        "昨天下单今天就到了，包装也很用心。",
        "Ordered yesterday, here today, and packed with care.",
    ),
    Line(
        Mood::Happy,
        "aftersales",
        "退货当天就到账，流程简单，下次还来。",
        "The refund arrived the same day. Easy. I will be back.",
    ),
    Line(
        Mood::Happy,
        "marketing",
        "优惠券用得很顺，活动说明清楚。",
        "The coupon just worked and the campaign was clearly explained.",
    ),
    Line(
        Mood::Content,
        "product",
        "整体还可以，没有特别惊喜。",
        "Fine overall, no surprises.",
    ),
    Line(
        Mood::Content,
        "logistics",
        "配送正常，按约定时间到。",
        "Delivery was normal, on the agreed day.",
    ),
    Line(Mood::Content, "service", "", ""),
    Line(
        Mood::Unhappy,
        "logistics",
        "物流太慢了，说好三天，等了九天才到。",
        "Delivery is far too slow: promised in three days, it took nine.",
    ),
    Line(
        Mood::Unhappy,
        "logistics",
        "快递把包裹扔在楼下淋雨，盒子全湿了，很失望。",
        "The courier left the parcel in the rain and the box was soaked. Disappointing.",
    ),
    Line(
        Mood::Unhappy,
        "product",
        "App 一打开就闪退，更新之后更慢了。",
        "The app crashes as soon as I open it, and it is even slower since the update.",
    ),
    Line(
        Mood::Unhappy,
        "product",
        "净化器的滤网根本装不回去，设计太差。",
        "The filter of the purifier will not go back in. Terrible design.",
    ),
    Line(
        Mood::Unhappy,
        "service",
        "打了四次电话都没人接，客服态度也很差。",
        "I called four times and nobody answered; when someone did, they were rude.",
    ),
    Line(
        Mood::Unhappy,
        "aftersales",
        "申请退款两个星期了还没有结果，一直让我等。",
        "I asked for a refund two weeks ago and still have no answer, only \"please wait\".",
    ),
    Line(
        Mood::Unhappy,
        "marketing",
        "广告说买一送一，结算的时候却没有，感觉被骗。",
        "The ad said buy one get one free, but not at the checkout. I feel misled.",
    ),
    Line(
        Mood::Alarmed,
        "product",
        "台灯的电源冒烟了，差点着火，太危险了！",
        "The lamp's power supply started to smoke and nearly caught fire. This is dangerous!",
    ),
    Line(
        Mood::Alarmed,
        "aftersales",
        "你们重复扣了我两次款，马上退给我！",
        "You charged my card twice. Give me my money back at once!",
    ),
    Line(
        Mood::Asking,
        "product",
        "请问这款风扇可以换成两孔插头吗？",
        "Can this fan be had with a two-pin plug?",
    ),
    Line(
        Mood::Asking,
        "aftersales",
        "请问保修期内换电池要收费吗？",
        "Is a new battery free within the warranty period?",
    ),
    Line(
        Mood::Asking,
        "logistics",
        "请问可以改送货地址吗？订单还没发出。",
        "Can I change the delivery address? The order has not left yet.",
    ),
    Line(
        Mood::Wishing,
        "product",
        "希望净化器可以加一个夜间模式。",
        "It would be great if the purifier had a night mode.",
    ),
    Line(
        Mood::Wishing,
        "service",
        "建议客服增加晚上的时间，下班后才有空联系你们。",
        "Please keep the chat open in the evening; I only have time after work.",
    ),
    Line(
        Mood::Wishing,
        "marketing",
        "建议积分可以直接抵现金。",
        "I wish points could be used like money.",
    ),
];

pub(super) const NAMES: [(&str, &str); 12] = [
    ("王芳", "Alice Brown"),
    ("李伟", "Ben Carter"),
    ("张敏", "Chloe Davis"),
    ("刘洋", "Daniel Evans"),
    ("陈静", "Emma Fisher"),
    ("杨磊", "Frank Green"),
    ("赵娜", "Grace Hall"),
    ("黄强", "Henry Irwin"),
    ("周婷", "Isla James"),
    ("吴刚", "Jack King"),
    ("徐丽", "Kate Lewis"),
    ("孙浩", "Liam Moore"),
];

pub(super) const PRODUCTS: [&str; 3] = ["aurora-lamp", "breeze-fan", "crisp-purifier"];

/// Words of staff: Chinese, English.
pub(super) type Words = (&'static str, &'static str);

pub(super) const REPLIES: [Words; 3] = [
    (
        "您好，您的反馈我们已经收到，正在核实，今天内给您答复。",
        "Thank you for writing. We are looking into it and will answer today.",
    ),
    (
        "非常抱歉给您带来不便，我们已经联系了仓库，正在为您加急处理。",
        "We are sorry for the trouble. We have called the warehouse and are speeding it up.",
    ),
    (
        "感谢您的提问，我们正在向产品同事确认，稍后回复您。",
        "Thank you for asking. We are checking with our product team and will come back to you.",
    ),
];

pub(super) const RESOLUTIONS: [Words; 4] = [
    (
        "问题已经解决：我们为您补发了新品，并退还了运费。",
        "It is solved: a new one is on its way to you, and the delivery fee is refunded.",
    ),
    (
        "新版本已经修复闪退，请更新到 3.2.1 后再试。",
        "Version 3.2.1 fixes the crash. Please update and try again.",
    ),
    (
        "款项今天已经原路退回，一到三个工作日到账。",
        "The money went back today and arrives within one to three working days.",
    ),
    (
        "已经安排专人为您处理完毕，感谢您的耐心。",
        "A colleague has taken care of it. Thank you for your patience.",
    ),
];

pub(super) const REASONS: [Words; 2] = [
    (
        "很抱歉，这个型号的结构不支持该功能，我们已记录到下一代的需求里。",
        "We are sorry: this model cannot be changed that way. We noted it for the next one.",
    ),
    (
        "很抱歉，订单已超过三十天的退货期限，无法办理退款，可以为您提供维修优惠。",
        "We are sorry: the thirty days for returns are over. We can offer a repair at a discount instead.",
    ),
];

pub(super) const QUESTIONS: Words = (
    "方便提供一下订单号和照片吗？收到后我们马上处理。",
    "Could you send us the order number and a photo? We will act as soon as we have them.",
);

/// What a customer says whom the outcome did not help.
pub(super) const NOT_SOLVED: Words = (
    "还是老样子，问题没有解决。",
    "It is just as before: this did not solve it.",
);
