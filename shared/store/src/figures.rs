//! What only the company knows of a local day of a survey.

use std::collections::BTreeMap;

use jiff::civil::Date;
use resound_domain::figures::{Figures, ResponseRate};
use resound_domain::form::FormId;
use resound_domain::submission::Channel;
use resound_domain::tally::Dimension;

use crate::dynamo::{Change, Query, Written, n, s};
use crate::item::{FiguresItem, Stored, attribute, encode};
use crate::key::{Key, figures_partition};
use crate::schema::{from_millis, millis};
use crate::{DayCell, Signed, Store, StoreError};

/// The figures of a day as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFigures {
    /// What they say.
    pub figures: Figures,
    /// From 1 up, one more with each change.
    pub version: u32,
    /// Who sent them last.
    pub signed: Signed,
}

/// What came of keeping figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum KeptOne {
    /// They are kept, under this version.
    Kept(u32),
    /// Somebody else has changed them since they were seen; they were not touched.
    Overtaken,
}

impl Store {
    /// The figures of a day; `None` if nobody has sent any.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn figures_of(
        &self,
        survey: &FormId,
        day: Date,
    ) -> Result<Option<KeptFigures>, StoreError> {
        let survey = survey.clone();
        let key = Key::Figures { survey, day };
        let Some(item) = self.get(&key).await? else {
            return Ok(None);
        };
        let (_, item) = <(Date, FiguresItem)>::read(item)?;
        let at = from_millis(&item.put_at)
            .ok_or_else(|| StoreError::corrupt(key.encode(), "not an instant"))?;
        Ok(Some(KeptFigures {
            figures: item.figures,
            version: item.version,
            signed: Signed {
                by: item.put_by,
                at,
            },
        }))
    }

    /// The figures of a span of days, both included, in their order; days without any are left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn figures(
        &self,
        survey: &FormId,
        from: Date,
        to: Date,
    ) -> Result<Vec<(Date, Figures)>, StoreError> {
        if from > to {
            return Ok(Vec::new());
        }
        let query = Query::partition(figures_partition(survey))
            .range("#SK BETWEEN :from AND :to")
            .value(":from", s(format!("DAY#{from}")))
            .value(":to", s(format!("DAY#{to}")));
        let items = self.query_all(&query).await?.into_iter();
        let read = items.map(<(Date, FiguresItem)>::read);
        read.map(|read| read.map(|(day, item)| (day, item.figures)))
            .collect()
    }

    /// How many were asked and how many answered by each channel, on those of these days, both included, on which it is known
    /// how many were asked by it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn response_rates(
        &self,
        survey: &FormId,
        from: Date,
        to: Date,
    ) -> Result<BTreeMap<Channel, ResponseRate>, StoreError> {
        let mut rates: BTreeMap<Channel, ResponseRate> = BTreeMap::new();
        let mut asked = self.figures(survey, from, to).await?;
        asked.retain(|(_, figures)| !figures.asked.is_empty());
        if asked.is_empty() {
            return Ok(rates);
        }
        let cells = self.tallies(survey, from, to, Dimension::Channel).await?;
        let responses: BTreeMap<(Date, &str), u64> = cells
            .iter()
            .map(|DayCell { day, cell }| ((*day, cell.value.as_str()), cell.tally.responses))
            .collect();
        for (day, figures) in asked {
            for (channel, asked) in figures.asked {
                let answered = responses.get(&(day, channel.name()));
                let rate = rates.entry(channel).or_default();
                rate.add(asked, answered.copied().unwrap_or(0));
            }
        }
        Ok(rates)
    }

    /// Keeps the figures of a day in the place of those that were `seen`, by their version; `None` for none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn keep_figures(
        &self,
        survey: &FormId,
        day: Date,
        seen: Option<u32>,
        figures: &Figures,
        signed: &Signed,
    ) -> Result<KeptOne, StoreError> {
        let survey = survey.clone();
        let key = Key::Figures { survey, day };
        let version = seen.unwrap_or(0).saturating_add(1);
        let put_at = millis(signed.at);
        let written = match seen {
            None => {
                let item = FiguresItem {
                    figures: figures.clone(),
                    version,
                    put_at,
                    put_by: signed.by.clone(),
                };
                self.put_new(encode(&key, &item)?).await?
            }
            Some(seen) => {
                let change = Change::new(
                    &key,
                    "SET #figures = :figures, #version = :version, #put_at = :at, #put_by = :by",
                )
                .only_if("#version = :seen")
                .value(":figures", attribute(figures)?)
                .value(":version", n(version))
                .value(":at", s(put_at))
                .value(":by", s(&signed.by))
                .value(":seen", n(seen));
                self.change(change).await?
            }
        };
        Ok(match written {
            Written::Done => KeptOne::Kept(version),
            Written::Refused(_) => KeptOne::Overtaken,
        })
    }
}
