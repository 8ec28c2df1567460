"""The known bugs of idempotency libraries, and what would break the promises to customers: each as the smallest change of our
source that has it."""

from dataclasses import dataclass

CLOSE_LOOP = "functions/close-loop/src/handler.rs"
TAKE_ANSWERS = "functions/take-answers/src/handler.rs"
TELL_REPORTERS = "functions/tell-reporters/src/handler.rs"
NOTICES = "shared/store/src/notices.rs"
ANNOUNCEMENTS = "shared/store/src/announcements.rs"
CONTACTS = "shared/store/src/contacts.rs"

LETTERS = ("close-loop", "it", "once::")
LEDGER = ("resound-store", "it", "notices::")
ROUTES = ("close-loop", "it", "routes::")
ANNOUNCED = ("resound-store", "it", "announcements::")
TELLING = ("tell-reporters", "telling", "two_runs_at_once_tell_nobody_twice")
CLOSING = ("resound-tests", "world", "the_closing_of_a_loop_survives_a_fault_at_any_call")
LOOKING = ("resound-tests", "world", "hostile::looking_at_a_link_does_nothing")


@dataclass(frozen=True)
class Bug:
    """Where `file` says `place`, the expression between its guillemets becomes `instead`: then each of `tests`, which are
    (package, test target, filter), must fail."""

    name: str
    story: str
    file: str
    place: str
    instead: str
    tests: tuple[tuple[str, str, str], ...]


BUGS = (
    Bug(
        "lease-as-deduplication",
        "A lease that ran out is taken for work that was never begun, and it is done again: a function that was killed after "
        "it had sent, and before it had said so, sends twice.",
        NOTICES,
        "_ => «Ok(Claim::Abandoned(seen))»,",
        "self.renew(&seen, StatusName::InProgress, holder, machine_now, lease).await",
        (LEDGER, LETTERS, CLOSING),
    ),
    Bug(
        "unfenced-completion",
        "Whoever comes to an end records it, whether the claim is still theirs or not: a slow attempt writes over what the one "
        "that took its place has done.",
        NOTICES,
        '.only_if(«"#epoch = :seen AND #status = :in_progress"»)',
        '"attribute_exists(PK) AND (:seen = :seen AND :in_progress = :in_progress)"',
        (LEDGER,),
    ),
    Bug(
        "remaining-time-zero",
        "The lease lasts as long as the function has left to run, and that is taken for zero where nobody said it: it is over "
        "as it begins, and protects from nothing.",
        CLOSE_LOOP,
        " invocation.machine_now,\n                «timing::NOTICE_LEASE»,\n",
        "timing::NOTICE_LEASE * 0",
        (("close-loop", "it", "once::who_comes_while_a_letter_is_on_its_way_waits"),),
    ),
    Bug(
        "no-time-left",
        "Work is begun with no time left to say what came of it.",
        CLOSE_LOOP,
        "if invocation.time_left() < «ENOUGH_TIME» {",
        "Duration::ZERO",
        (LETTERS,),
    ),
    Bug(
        "warm-clock",
        "What the first invocation of an instance was given is kept for those that follow: leases are judged by a clock that "
        "stands still, and what was given up is waited for forever.",
        CLOSE_LOOP,
        " «invocation.machine_now»,\n                timing::NOTICE_LEASE,\n",
        "static NOW: std::sync::OnceLock<std::time::SystemTime> = std::sync::OnceLock::new(); "
        "(*NOW.get_or_init(|| invocation.machine_now.into())).try_into().unwrap_or(invocation.machine_now)",
        (CLOSING,),
    ),
    Bug(
        "warm-cache",
        "An instance remembers what it has begun, and takes that for done: what failed the first time is lost wherever the "
        "same instance is asked again.",
        CLOSE_LOOP,
        "let means = «self.means()»;",
        "static BEGUN: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());\n"
        '        let begun = format!("{}/{}", event.case, event.seq);\n'
        "        if BEGUN.lock().is_ok_and(|seen| seen.contains(&begun)) { return settle(&self.store, EFFECT, &event).await; }\n"
        "        if let Ok(mut seen) = BEGUN.lock() { seen.push(begun); }\n"
        "        self.means()",
        (CLOSING,),
    ),
    Bug(
        "message-id-as-inbox-key",
        "The ledger goes by the id of the message and not by what it is about: a redrive, a repair or a relay that ran twice "
        "gives the same work another id.",
        CLOSE_LOOP,
        "«entry(self.cause.case, self.cause.seq, route)»",
        "entry(self.cause.case, self.holder.split('/').nth(1).unwrap_or_default().bytes().fold(0, |all: u32, byte| all.wrapping_mul(31).wrapping_add(byte.into())) % 1_000_000, route)",
        (CLOSING,),
    ),
    Bug(
        "unclaimed-announcement",
        "A letter of an announcement is sent whether its address has one already or not: who reported twice is told twice, and "
        "so is everybody whom two runs meet.",
        ANNOUNCEMENTS,
        "let claim = self.claim_old(key.into(), old, holder, machine_now, lease);\n                Ok(Approach::Claim(«claim.await?»))",
        "Claim::Fresh(Lease::first(key.into()))",
        (ANNOUNCED, TELLING),
    ),
    Bug(
        "stale-budget",
        "A contact is counted on top of what was seen, whatever was counted meanwhile: two announcements at once both take the "
        "last letter that an address has left.",
        CONTACTS,
        '.only_if(«"#version = :seen"»)',
        '"#version >= :seen"',
        (ANNOUNCED,),
    ),
    Bug(
        "webhook-id-of-the-attempt",
        "Each attempt at a webhook has an id of its own: the app cannot tell a repeat from another message.",
        CLOSE_LOOP,
        'let id = «format!("{}-{}-customer", event.case, event.seq)»',
        'format!("{}-{}-customer-{}", event.case, event.seq, lease.attempts())',
        (ROUTES,),
    ),
    Bug(
        "fall-back-after-a-lost-answer",
        "A provider whose answer was lost is taken for one that refused, and the customer is told by the next route as well.",
        CLOSE_LOOP,
        "Route::Email | Route::Sms => «Err(Outcome::Retry(reason))»,",
        "Ok(Known::Next { failed: true })",
        (ROUTES,),
    ),
    Bug(
        "outcome-not-recorded",
        "What came of a letter is not written down: it looks abandoned to whoever comes after its lease.",
        CLOSE_LOOP,
        "«self.record(&lease, &told, invocation).await?»;\n        Ok(known(&told))",
        "let _ = &lease;",
        (LETTERS,),
    ),
    Bug(
        "fate-not-recorded",
        "What came of a letter of an announcement is not written down: whoever asks hears that it is perhaps on its way.",
        TELL_REPORTERS,
        "match «recorded.await?» {\n            Recorded::Recorded => fate,",
        "drop(recorded); Recorded::Recorded",
        (("tell-reporters", "telling", "a_minute_takes_no_more_than_its_letters"),),
    ),
    Bug(
        "unsubscribe-by-looking",
        "A link that is only looked at unsubscribes: programs that look into letters do it for their readers.",
        TAKE_ANSWERS,
        '"GET /v1/unsubscribe/{token}" => return «self.ask_to_unsubscribe(&request)»,',
        "self.unsubscribe(&request).await",
        (LOOKING,),
    ),
)
