use jiff::civil::date;
use resound_domain::figures::Figures;
use resound_domain::form::FormId;
use resound_store::{KeptOne, Signed};
use serde_json::json;

use crate::support::{Table, t0};

fn asked(web: u64) -> Figures {
    serde_json::from_value(json!({"asked": {"web": web}})).unwrap()
}

#[tokio::test]
async fn of_those_who_saw_the_same_figures_one_changes_them() {
    let table = Table::new().await;
    let (store, survey, day) = (&table.store, FormId::default_form(), date(2026, 11, 1));
    let signed = Signed {
        by: "ann".to_owned(),
        at: t0(),
    };
    let keep = async |seen, web| {
        let figures = asked(web);
        let kept = store.keep_figures(&survey, day, seen, &figures, &signed);
        kept.await.unwrap()
    };
    assert_eq!(store.figures_of(&survey, day).await.unwrap(), None);
    assert_eq!(
        keep(Some(1), 0).await,
        KeptOne::Overtaken,
        "an update creates nothing"
    );
    assert_eq!(keep(None, 1).await, KeptOne::Kept(1));
    assert_eq!(keep(None, 2).await, KeptOne::Overtaken);
    assert_eq!(keep(Some(1), 3).await, KeptOne::Kept(2));
    assert_eq!(keep(Some(1), 4).await, KeptOne::Overtaken);
    let kept = store.figures_of(&survey, day).await.unwrap().unwrap();
    assert_eq!(
        (kept.version, kept.figures, kept.signed),
        (2, asked(3), signed.clone())
    );
}

#[tokio::test]
async fn a_span_holds_its_own_days_of_its_own_survey() {
    let table = Table::new().await;
    let store = &table.store;
    let [one, other]: [FormId; 2] = ["shop", "shop-2"].map(|name| name.parse().unwrap());
    let signed = Signed {
        by: "ann".to_owned(),
        at: t0(),
    };
    for (survey, day) in [(&one, 1), (&one, 2), (&one, 3), (&one, 10), (&other, 2)] {
        let figures = asked(day.try_into().unwrap());
        let day = date(2026, 11, day);
        let kept = store.keep_figures(survey, day, None, &figures, &signed);
        assert_eq!(kept.await.unwrap(), KeptOne::Kept(1));
    }
    let span = async |from, to| {
        let found = store.figures(&one, date(2026, 11, from), date(2026, 11, to));
        let days = found.await.unwrap().into_iter();
        days.map(|(day, figures)| {
            assert_eq!(figures, asked(day.day().try_into().unwrap()));
            day.day()
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(span(1, 30).await, [1, 2, 3, 10]);
    assert_eq!(span(2, 2).await, [2]);
    assert_eq!(span(4, 9).await, [0; 0]);
    assert_eq!(span(3, 2).await, [0; 0]);
}
