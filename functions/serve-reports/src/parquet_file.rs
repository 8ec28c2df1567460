//! A report as a Parquet file.

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use resound_domain::report::Fact;
use resound_store::Report;

use crate::table::ends;

/// The columns of [`COLUMNS`](crate::table::COLUMNS), with their types. Published: append only.
const SCHEMA: &str = "message report {
    required binary kind (UTF8);
    required binary period (UTF8);
    required binary survey (UTF8);
    required int32 edition;
    required int64 as_of (TIMESTAMP(MILLIS, true));
    required binary part (UTF8);
    required binary item (UTF8);
    required binary item_2 (UTF8);
    required binary measure (UTF8);
    optional int64 n;
    optional double value;
    optional double low;
    optional double high;
    optional double p;
    optional binary said (UTF8);
    required boolean hidden;
}";

/// A report as a file. The same report gives the same bytes.
///
/// # Errors
/// What the format's writer says, which is nothing a caller can cause.
pub(crate) fn parquet(report: &Report, facts: &[Fact]) -> Result<Vec<u8>> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_created_by("resound".to_owned())
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    write(&mut writer, report, facts)?;
    writer.into_inner()
}

fn write(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    report: &Report,
    facts: &[Fact],
) -> Result<()> {
    let mut group = Group {
        group: writer.next_row_group()?,
        facts,
    };
    let kind = report.id.kind().name();
    let period = report.id.period().to_string();
    let survey = report.id.survey().as_str();
    let edition = i32::try_from(report.edition).unwrap_or(i32::MAX);
    let as_of = report.as_of.as_millisecond();
    group.text(|_| kind)?;
    group.text(|_| &period)?;
    group.text(|_| survey)?;
    group.required::<Int32Type>(|_| edition)?;
    group.required::<Int64Type>(|_| as_of)?;
    group.text(|fact| fact.part)?;
    group.text(|fact| &fact.item)?;
    group.text(|fact| &fact.item_2)?;
    group.text(|fact| fact.measure)?;
    group.optional::<Int64Type>(|fact| fact.n.and_then(|n| i64::try_from(n).ok()))?;
    group.optional::<DoubleType>(|fact| fact.value)?;
    group.optional::<DoubleType>(|fact| ends(fact)[0])?;
    group.optional::<DoubleType>(|fact| ends(fact)[1])?;
    group.optional::<DoubleType>(|fact| fact.p)?;
    group.optional::<ByteArrayType>(|fact| fact.said.as_deref().map(ByteArray::from))?;
    group.required::<BoolType>(|fact| fact.hidden)?;
    group.group.close()?;
    Ok(())
}

/// The one group of rows, of which columns are written in their order.
struct Group<'w, 'a> {
    group: SerializedRowGroupWriter<'w, Vec<u8>>,
    facts: &'a [Fact],
}

impl<'a> Group<'_, 'a> {
    fn text<'t>(&mut self, of: impl Fn(&'a Fact) -> &'t str) -> Result<()>
    where
        'a: 't,
    {
        self.required::<ByteArrayType>(|fact| ByteArray::from(of(fact)))
    }

    fn required<T: DataType>(&mut self, of: impl Fn(&'a Fact) -> T::T) -> Result<()> {
        let values: Vec<T::T> = self.facts.iter().map(of).collect();
        self.column::<T>(&values, None)
    }

    fn optional<T: DataType>(&mut self, of: impl Fn(&'a Fact) -> Option<T::T>) -> Result<()> {
        let (mut values, mut levels) = (Vec::new(), Vec::with_capacity(self.facts.len()));
        for value in self.facts.iter().map(of) {
            levels.push(i16::from(value.is_some()));
            values.extend(value);
        }
        self.column::<T>(&values, Some(&levels))
    }

    fn column<T: DataType>(&mut self, values: &[T::T], levels: Option<&[i16]>) -> Result<()> {
        let column = self.group.next_column()?;
        let mut column =
            column.ok_or_else(|| ParquetError::General("too many columns".to_owned()))?;
        column.typed::<T>().write_batch(values, levels, None)?;
        column.close()
    }
}
