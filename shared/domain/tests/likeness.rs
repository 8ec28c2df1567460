//! How often similarity is right, on texts that somebody else has labelled. The texts are not kept here: their licences
//! do not allow it.

use std::collections::{BTreeMap, BTreeSet};

use resound_domain::issue::likeness::{Decision, MOST_TEXTS, Profile, Profiles, decide};

/// A line of the file: the labels of a text, separated by `|`, a tab, and the text.
struct Labelled {
    labels: BTreeSet<String>,
    text: String,
}

/// `TEXTS=file LABELS=a,b cargo test --release -p resound-domain --test likeness -- --ignored --nocapture`: an issue for each
/// of the labels, whose links are the first texts of even lines that have this label alone; the texts of odd lines are then
/// held against all issues. What has another label belongs to none of them; the first even lines of all are the usual texts.
#[test]
#[ignore = "measures texts that are not kept here"]
#[expect(clippy::disallowed_methods, reason = "the variables of a measurement")]
fn how_often_it_is_right() {
    let file = std::fs::read_to_string(std::env::var("TEXTS").unwrap()).unwrap();
    let labels = std::env::var("LABELS").unwrap();
    let labels: Vec<&str> = labels.split(',').collect();
    let texts = file.lines().filter_map(|line| line.split_once('\t'));
    let texts = texts.map(|(labels, text)| Labelled {
        labels: labels.split('|').map(str::to_owned).collect(),
        text: text.to_owned(),
    });
    let texts: Vec<Labelled> = texts.collect();
    for most in [10, 20, MOST_TEXTS] {
        let mut profiles: BTreeMap<&str, Profile> = BTreeMap::new();
        for label in &labels {
            let own = texts.iter().step_by(2);
            let own = own.filter(|t| t.labels.len() == 1 && t.labels.contains(*label));
            let profile = profiles.entry(label).or_insert_with(Profile::of_issue);
            for text in own {
                if profile.texts() < most {
                    profile.add(&text.text);
                }
            }
        }
        let mut usual = Profile::of_usual();
        texts.iter().step_by(2).for_each(|t| usual.add(&t.text));
        let profiles = Profiles::new(profiles, &usual);
        // Right and wrong, by decision; and how many there were to be found.
        let mut found = [[0u32; 2]; 3];
        let mut about = 0u32;
        for held in texts.iter().skip(1).step_by(2) {
            about += u32::from(labels.iter().any(|label| held.labels.contains(*label)));
            let Some(like) = profiles.most_like(&held.text) else {
                continue;
            };
            let decision = match decide(&like) {
                Decision::Link => 0,
                Decision::Suggest => 1,
                Decision::Leave => 2,
            };
            found[decision][usize::from(!held.labels.contains(like.issue))] += 1;
        }
        let all = texts.len() / 2;
        for (name, [right, wrong]) in ["linked", "suggested"].into_iter().zip(found) {
            let (n, share) = (right + wrong, f64::from(right) / f64::from(right + wrong));
            println!(
                "{most} texts a profile: {n} of {all} {name}, {share:.2} of them right; {about} are about an issue"
            );
        }
    }
}
