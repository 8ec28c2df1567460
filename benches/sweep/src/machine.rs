//! What Linux tells about this process and its machine; nothing elsewhere.

use std::time::Duration;

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Load averages over 1, 5 and 15 minutes.
pub fn load() -> Option<String> {
    let text = read("/proc/loadavg")?;
    Some(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// How long this thread has been on a processor.
pub fn thread_time() -> Option<Duration> {
    let text = read("/proc/thread-self/schedstat")?;
    let nanos = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// Makes what is resident now the peak so far.
pub fn forget_peak() {
    // Where that cannot be, the peak is that of filling too: never too small.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

/// The most memory that was resident, in KiB.
pub fn peak_kib() -> Option<u64> {
    let status = read("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
