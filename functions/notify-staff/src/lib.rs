//! notify-staff.
