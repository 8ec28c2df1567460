//! What English terms mean.

use super::reading::{Lexicon, Meaning};
use super::{Category, Severity, Touchpoint};

/// Lower-case words with single spaces between and no apostrophes: people leave them out, and so does the reading.
#[rustfmt::skip] // A table is read by meaning, not by line.
pub(super) const TERMS: Lexicon = &[
    (Meaning::Tone(3), &[
        "excellent", "amazing", "awesome", "fantastic", "perfect", "perfectly", "outstanding", "wonderful", "brilliant", "superb", "love it", "the best", "love this", "love the", "love you", "thank you so much", "exceptional", "5 stars", "five stars", "highly recommend",
    ]),
    (Meaning::Tone(2), &[
        "great", "love", "loved", "loving", "happy", "impressed", "impressive", "recommend", "pleased", "delighted", "helpful", "easy to use", "good", "nice", "friendly", "reliable",
        "beautiful", "enjoy", "enjoyed", "enjoying", "well done", "kudos", "appreciate", "appreciated", "grateful", "works well", "works great", "works fine", "works perfectly", "no complaints", "cant complain", "doesnt disappoint", "never disappoints", "fun", "addictive", "best", "smooth", "smoothly", "solved", "resolved", "professional",
    ]),
    (Meaning::Tone(1), &["thank you", "thanks", "thx", "easy", "easily", "useful", "cool", "like it", "i like", "really like", "satisfied", "fine", "glad", "fast", "quick", "quickly", "simple", "handy", "convenient", "better", "no problem", "no problems", "no issues", "worth it", "not bad", "yay", "pretty good"]),
    // Their parts would mislead.
    (Meaning::Plain, &[
        "not only", "would like", "looks like", "feel like", "like a", "best buy", "good luck", "no doubt", "would be great", "would be nice", "would be better", "would be good", "used to be good", "used to be great",
        "was good", "was great", "good morning", "good afternoon", "no thanks", "customer care", "need a refund", "need a replacement", "need a new one", "fire stick", "kindle fire", "would love", "id love", "would appreciate", "better if", "be better", "much better if", "make it better", "good enough if",
    ]),
    (Meaning::Tone(-1), &[
        "slow", "slowly", "late", "expensive", "confusing", "confused", "difficult", "complicated", "issue", "issues", "problem", "problems", "trouble", "error", "errors", "hard to", "waiting", "missing", "lost", "lose", "losing", "delay", "delayed", "delays", "annoying", "annoyed", "lag", "lags", "laggy", "boring",
        "cumbersome", "too many", "too much", "doesnt", "didnt", "wont", "cant", "cannot", "couldnt", "wouldnt", "please fix", "fix", "unfortunately", "sad", "no longer", "stuck", "hassle", "used to be", "used to love", "loud", "dirty", "forced", "ads", "hours", "still no", "how long", "constantly", "keeps", "only complaint", "stop", "stops", "stopped", "instead", "glitch", "glitches", "glitchy", "drain", "drains", "draining", "no way to", "complain", "overpriced", "uncomfortable", "smells",
        "never", "nothing", "hour", "minutes", "seriously", "apology", "apologize", "apologise", "missed", "cancelled", "canceled", "cancel", "again and again", "over and over", "for weeks", "for days", "for months", "weeks ago", "still havent", "still hasnt", "still doesnt", "really bad", "cannot believe", "cant believe", "not even", "not one", "dont care", "doesnt care", "why cant", "need help", "help me", "disappear", "disappeared", "disappears", "deleted", "removed", "takes forever", "take forever", "takes ages", "take ages", "quit working", "quits", "overheats", "overheating", "reinstall", "refund", "broke down", "poor quality", "low quality", "way too", "weird", "ugly", "difficult to", "not allowing", "wont play",
    ]),
    (Meaning::Tone(-2), &[
        "bad", "poor", "poorly", "broken", "broke", "crash", "crashes", "crashed", "crashing", "freezes", "freezing", "frozen", "disappointed", "disappointing", "disappointment", "frustrating", "frustrated", "frustration", "rude", "fail", "failed", "fails", "failing", "failure", "wrong", "damaged", "defective", "useless", "unhelpful",
        "ignored", "ignoring", "doesnt work", "does not work", "not working", "not work", "stopped working", "stop working", "wont work", "wont open", "wont load", "wont let me", "doesnt load", "unable", "waste", "sucks", "suck", "sucked", "ridiculous", "unacceptable", "complaint", "never again", "still waiting", "no response", "no reply", "no answer", "nobody", "no one",
        "bug", "bugs", "buggy", "worse", "stranded", "disconnected", "hung up", "hangs up", "hang up", "unprofessional", "incompetent", "ruined", "upset", "mess", "lousy", "lied", "lie", "lies", "crap", "crappy", "sick of", "tired of", "fed up", "unusable", "unresponsive", "impossible", "unhappy", "dissatisfied", "unsatisfied", "not happy", "not satisfied", "beyond frustrated", "worthless", "inconvenience", "inconvenient", "embarrassing", "insulting", "neglected", "arrogant", "unfair", "dishonest", "stupid", "dumb", "shame", "joke", "on hold", "never arrived", "not arrived", "never received", "not received", "didnt arrive", "hasnt arrived",
        "refuse", "refused", "refuses", "misleading", "unreliable", "clunky", "lacking", "wtf", "terribly", "cancelled flight", "want my money back", "want a refund", "thanks for nothing", "deceptive", "cheated", "ripped off", "rip off", "uninstall", "uninstalled", "uninstalling", "wasted", "torn", "cracked", "leaking", "stains",
    ]),
    (Meaning::Tone(-3), &["terrible", "horrible", "awful", "worst", "hate", "hated", "disgusting", "disgusted", "pathetic", "scam", "scammed", "garbage", "disaster", "nightmare", "angry", "furious", "rubbish", "trash", "horrendous", "appalling", "inexcusable", "outrageous", "livid", "atrocious", "abysmal", "zero stars"]),
    (Meaning::Not, &["not", "no", "never", "isnt", "wasnt", "arent", "werent", "dont", "doesnt", "didnt", "hardly", "without", "nothing", "wont", "wouldnt", "aint", "cant", "cannot", "couldnt", "havent", "hasnt", "nor", "neither", "lack of", "far from"]),
    (Meaning::But, &["but", "however", "although"]),
    (Meaning::Wish, &[
        "please add", "would be nice", "would be great", "would be better", "would be good", "would be helpful", "would be awesome", "would be cool", "i wish", "wish you", "wish there", "wish it", "wish they", "wish we", "should add", "should have a", "should have an", "should have the option", "we need", "should be easier", "should be able", "should allow", "should include", "i suggest", "my suggestion", "suggestion", "suggestions", "feature request", "would love", "id love", "i hope you", "hope to see", "hope you", "hopefully you",
        "add support", "add an option", "add a", "add the", "add more", "need an option", "needs an option", "needs a", "need a", "need more", "needs more", "needs to be", "need to be able", "please make", "please support", "please consider", "please include", "please give", "please provide", "please create", "please bring", "please let us", "please put", "itd be", "could you add", "can you add", "would like to see", "would like to be able", "bring back", "bring that back",
        "allow us to", "please allow", "if you could", "could be better", "better if", "more options", "want to be able", "want an option", "ability to", "if only", "could use", "should make", "please change", "would prefer", "please update", "can you make", "could you make",
    ]),
    (Meaning::Ask, &[
        "how do i", "how do you", "how can i", "how to", "can you tell", "could you tell", "can i", "could i", "may i", "when will", "when do", "when does", "when is", "when are", "where is", "where can i", "where do i", "is there a way", "is there any way", "is it possible", "do you have", "do you offer", "what is the", "which one", "please tell me", "tell me how", "let me know", "please advise", "please explain", "i want to know", "i would like to know",
        "wondering if", "any idea", "please help", "please call me", "please contact", "get back to me", "please reply", "please respond", "why is", "why does", "why do", "why are", "why did", "why cant", "who can", "who do i",
    ]),
    (Meaning::About(Category::Function), &[
        "feature", "features", "function", "functionality", "option", "options", "button", "doesnt work", "does not work", "not working", "stopped working", "stop working", "no longer work", "no longer works", "wont work", "wont open", "wont play", "wont let", "wont download", "cant", "cannot", "can not", "unable", "wont", "doesnt", "didnt", "does not", "log in", "login", "sign in", "sign up", "password", "download", "downloads", "downloading", "upload", "save", "search", "sync", "notification", "notifications", "missing",
        "broken", "setting", "settings", "links", "link", "open", "not allowing", "not able", "disappeared", "disappear", "lost", "play", "plays", "playback", "audio", "share", "export", "import", "bug", "bugs", "error", "support for", "skip", "delete",
    ]),
    (Meaning::About(Category::Performance), &[
        "crash", "crashes", "crashed", "crashing", "freeze", "freezes", "freezing", "frozen", "froze", "lag", "lags", "laggy", "lagging", "loading", "load", "loads", "takes forever", "take forever", "takes ages", "take ages", "battery", "memory", "cpu", "overheats", "overheating", "hang", "hangs", "timeout", "times out", "performance", "glitch", "glitches", "glitchy", "buggy", "force close", "force closes", "shuts down", "quits", "quit", "closes", "stutters", "stutter", "unresponsive", "restart", "reboot", "reinstall", "re install", "unstable", "stops", "stop playing", "buffering", "buffer", "takes a full minute", "long time",
    ]),
    (Meaning::About(Category::Experience), &[
        "confusing", "cumbersome", "complicated", "interface", "ui", "ux", "design", "layout", "rude", "attitude", "waiting", "wait", "on hold", "queue", "annoying", "ads", "intuitive", "navigate", "navigation", "user friendly", "hard to find", "hard to read", "hard to use", "difficult to", "delay", "delayed", "packaging", "unhelpful", "ugly", "experience", "clunky", "clutter", "cluttered", "too many", "messy", "screen", "font", "colors", "theme", "menu", "scroll", "scrolling", "tedious", "hassle", "hard to", "redesign", "clumsy", "awkward", "unorganized", "disorganized", "homepage", "sidebar", "taps", "clicks",
    ]),
    (Meaning::Slow, &["slow", "slowly", "slower", "sluggish"]),
    (Meaning::At(Touchpoint::Product), &["product", "quality", "app", "screen", "battery", "feature", "features", "website", "software", "update", "device", "version", "phone keeps"]),
    (Meaning::At(Touchpoint::Service), &["service", "customer service", "customer care", "support", "agent", "agents", "staff", "representative", "rep", "reps", "employee", "employees", "rude", "on hold", "call center", "hotline", "hung up"]),
    (Meaning::At(Touchpoint::Marketing), &["ad", "ads", "advert", "advertising", "advertisement", "promotion", "promo", "coupon", "coupons", "discount", "campaign", "newsletter", "spam", "marketing", "voucher"]),
    (Meaning::At(Touchpoint::Logistics), &["delivery", "delivered", "deliver", "shipping", "shipped", "shipment", "courier", "parcel", "package", "tracking", "dispatch", "dispatched", "driver"]),
    (Meaning::At(Touchpoint::Aftersales), &["refund", "refunded", "return", "returns", "replacement", "repair", "repaired", "warranty", "exchange"]),
    (Meaning::Severe(Severity::Safety), &[
        "caught fire", "catch fire", "caught on fire", "was on fire", "fire hazard", "started a fire", "smoke coming", "smoke came", "started smoking", "is smoking", "was smoking", "smells of burning", "burning smell", "exploded", "explode", "exploding", "explosion", "burned my", "burnt my", "burned me", "got burned", "electric shock", "electrocuted", "injured", "injury", "injuries", "hurt my", "cut my hand", "allergic reaction", "food poisoning", "poisoned", "hospitalized", "hospitalised", "in hospital", "to the hospital", "in the hospital", "the er", "bleeding", "choking", "safety hazard", "safety issue", "unsafe", "swollen battery", "sparks",
    ]),
    (Meaning::Severe(Severity::LegalThreat), &[
        "lawyer", "lawyers", "attorney", "sue", "suing", "lawsuit", "legal action", "small claims", "in court", "see you in court", "take you to court", "consumer protection", "trading standards", "call the police", "police report", "class action", "better business bureau", "ombudsman",
    ]),
    (Meaning::Severe(Severity::DataLoss), &[
        "lost all my", "lost my data", "lost my files", "lost my photos", "data loss", "data was lost", "data is gone", "data gone", "deleted all my", "deleted all of my", "erased all my", "erased my", "wiped all", "wiped my", "data breach", "data leak", "leaked my", "was leaked", "been leaked", "was hacked", "been hacked", "got hacked", "someone elses account", "someone elses order", "photos are gone", "all my photos", "history is gone", "everything is gone",
    ]),
    (Meaning::Severe(Severity::Payment), &[
        "charged twice", "charged me twice", "double charged", "double charge", "charged double", "overcharged", "unauthorized charge", "unauthorised charge", "unauthorized charges", "unauthorized payment", "unauthorised payment", "charged without", "billed twice", "billed me twice", "charged my card", "keeps charging", "still charging", "fraudulent", "stole my money", "payment failed", "took my money", "taken twice", "paid twice",
    ]),
    (Meaning::Severe(Severity::QualityIncident), &[
        "counterfeit", "fake product", "mold", "mould", "moldy", "mouldy", "expired food", "expired product", "already expired", "past its expiry", "contaminated", "insect in", "bug in my food", "worms", "maggots", "cockroach", "foreign object", "piece of glass", "piece of metal", "product recall", "whole batch", "entire batch", "rotten",
    ]),
];
