//! The proleptic Gregorian calendar from year 1 to 9999, and its weeks.

pub(super) const DAY: i64 = 86_400_000_000;
/// 0001-01-01 and 9999-12-31 in days since 1970-01-01.
pub(super) const FIRST: i64 = -719_162;
pub(super) const LAST: i64 = 2_932_896;

/// The day number of a date, which may be out of range.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day number.
pub(super) fn civil(number: i64) -> (i64, i64, i64) {
    let shifted = number + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

pub(super) fn leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

pub(super) fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A date that exists.
pub(super) fn valid(year: i64, month: i64, day: i64) -> Option<i64> {
    let fine = (1..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1 && day <= month_length(year, month);
    fine.then(|| days(year, month, day))
}

/// 0 is Sunday.
pub(super) fn weekday(number: i64) -> i64 {
    (number + 4).rem_euclid(7)
}

/// Days moved by months; a day that the month lacks becomes its last.
pub(super) fn add_months(number: i64, months: i64) -> Option<i64> {
    let (year, month, day) = civil(number);
    let total = year.checked_mul(12)?.checked_add(month - 1)?.checked_add(months)?;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    if !(1..=9999).contains(&year) {
        return None;
    }
    Some(days(year, month, day.min(month_length(year, month))))
}

/// The first day of the week that holds a day; `first` is the weekday a week starts on.
pub(super) fn week_start(number: i64, first: i64) -> i64 {
    number - (weekday(number) - first).rem_euclid(7)
}

/// The weekday that a WEEK part starts on.
pub(super) fn week_first(part: &str) -> Option<i64> {
    const DAYS: [&str; 7] = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];
    match part {
        "WEEK" => Some(0),
        "ISOWEEK" => Some(1),
        _ => part.strip_prefix("WEEK_").and_then(|name| DAYS.iter().position(|d| *d == name)).map(|i| i as i64),
    }
}

/// ISO year and week.
pub(super) fn iso(number: i64) -> (i64, i64) {
    let thursday = week_start(number, 1) + 3;
    let (year, ..) = civil(thursday);
    (year, (thursday - days(year, 1, 1)) / 7 + 1)
}

/// The week of the year; days before the first `first` weekday are in week 0.
pub(super) fn week_of_year(number: i64, first: i64) -> i64 {
    let (year, ..) = civil(number);
    let start = days(year, 1, 1);
    let opening = start + (first - weekday(start)).rem_euclid(7);
    if number < opening { 0 } else { (number - opening) / 7 + 1 }
}

/// The first day of the ISO year that holds a day.
pub(super) fn iso_year_start(number: i64) -> i64 {
    let (year, _) = iso(number);
    week_start(days(year, 1, 4), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_civil_are_inverse() {
        for number in (FIRST..=LAST).step_by(317) {
            let (y, m, d) = civil(number);
            assert_eq!(days(y, m, d), number);
        }
        assert_eq!((days(1, 1, 1), days(9999, 12, 31), days(1970, 1, 1)), (FIRST, LAST, 0));
    }

    #[test]
    fn weeks() {
        let day = days(2017, 1, 1);
        assert_eq!((weekday(day), week_of_year(day, 0), week_of_year(day, 1), iso(day)), (0, 1, 0, (2016, 52)));
    }
}
