//! The order of names against Unicode's published test cases, of which `collation.txt` has each 41st.

use std::cmp::Ordering;

use member_list::collation;
use proptest::prelude::*;

fn key(name: &str) -> Vec<u8> {
    let mut key = b"of the name before".to_vec();
    collation::key(name, &mut key);
    key
}

fn sorted(names: &str) -> String {
    let mut names: Vec<&str> = names.split(' ').collect();
    names.sort_by_key(|name| key(name));
    names.join(" ")
}

#[test]
fn published_cases_are_in_their_order() {
    let (mut last, mut wrong) = (Vec::new(), Vec::new());
    for line in include_str!("collation.txt").lines() {
        let (relation, points) = line.split_at(1);
        let points = points.split_whitespace().map(|point| u32::from_str_radix(point, 16).unwrap());
        let key = key(&points.map(|point| char::from_u32(point).unwrap()).collect::<String>());
        // Letters end where the accents begin, which no letter's first byte does.
        let expected = if relation == "=" { Ordering::Equal } else { Ordering::Less };
        if last.cmp(&key) != expected {
            wrong.push((line, last, key.clone()));
        }
        last = key;
    }
    assert!(
        wrong.is_empty(),
        "{} wrong, the first: {:x?}",
        wrong.len(),
        &wrong[..wrong.len().min(5)]
    );
}

#[test]
fn names_are_where_people_look_for_them() {
    assert_eq!(sorted("zoe Émile eve Zoë emil Erik zo"), "emil Émile Erik eve zo zoe Zoë");
    assert_eq!(sorted("ß st ss sz"), "ss ß st sz");
    assert_eq!(sorted("Ändern Anders Andere _me 42 7up"), "_me 42 7up Andere Ändern Anders");
    assert_eq!(sorted("Яна Анна ёж ель Zed 田中 やま"), "Zed Анна ёж ель Яна やま 田中");
}

#[test]
fn case_and_composition_make_no_difference() {
    for (one, other) in [
        ("WUMPUS", "wumpus"),
        ("Élan", "e\u{301}LAN"),
        ("ÅNGSTRÖM", "\u{212b}ngström"),
        ("ПРИВЕТ", "привет"),
    ] {
        assert_eq!(key(one), key(other), "{one} {other}");
    }
}

#[test]
fn a_letter_of_ascii_is_one_byte() {
    assert_eq!(key("Wumpus_42").len(), 9);
    assert_eq!(key("привет").len(), 12);
    assert_eq!(key("田中").len(), 6);
}

#[test]
fn ascii_is_the_same_alone_and_among_others() {
    // U+037E is a semicolon, by another way through the code.
    for byte in 0..0x80_u8 {
        let char = char::from(byte);
        assert_eq!(key(&format!("a{char}b;")), key(&format!("a{char}b\u{37e}")), "{byte:#x}");
    }
}

#[test]
fn a_key_has_a_bound() {
    assert_eq!(key(&"\u{fdfa}".repeat(100)).len(), collation::MAX_KEY);
}

proptest! {
    #[test]
    fn every_way_to_read_a_name_finds_one_key(name in "[a-zA-Z0-9 à-ž]{0,20}") {
        // The zero width joiner has no weight and is no letter that stands alone.
        prop_assert_eq!(key(&name), key(&format!("{name}\u{200d}")));
    }

    #[test]
    fn any_name_has_a_key(name in ".{0,64}") {
        prop_assert!(key(&name).len() <= collation::MAX_KEY);
    }
}
