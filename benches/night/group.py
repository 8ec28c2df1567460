"""Groups the rows of a Parquet file as the night counts responses, with DuckDB or Polars, on as many threads as they like.

    group.py write FILE                  writes FILE from the CSV on standard input (with DuckDB)
    group.py duckdb|polars FILE CELLS    writes the cells, a line each, and prints what grouping took as JSON

What is measured is the grouping itself, from opening the file to the counts in memory: neither the start of Python nor
the import. Peak memory is of the whole process.
"""

import json
import resource
import sys
import time

ONES = ["channel", "touchpoint", "product", "tier", "locale", "category"]
PAIRED = ["channel", "touchpoint", "product", "tier", "locale"]
CUTS = [()] + [(one,) for one in ONES] + [(a, b) for i, a in enumerate(PAIRED) for b in PAIRED[i + 1:]]
SCORES = [("nps", range(0, 11)), ("csat", range(1, 6)), ("ces", range(1, 8))]
COUNTS = [(f"{question}_{score}", question, score) for question, scale in SCORES for score in scale]


def line(cut, values, responses, counts):
    name = "+".join(cut) or "all"
    value = "\x1f".join(values) or "all"
    return f"{name}\t{value}\t{responses}\t{','.join(str(count) for count in counts)}"


def with_duckdb(path):
    import duckdb

    began = start()
    connection = duckdb.connect()
    # First by all dimensions at once, which is less to group by each cut. Nobody's value of a dimension is its own group.
    counted = ", ".join(f"count(*) FILTER ({q} = {s}) AS {name}" for name, q, s in COUNTS)
    connection.execute(
        f"CREATE TEMP TABLE combined AS SELECT {', '.join(ONES)}, count(*) AS responses, {counted} FROM read_parquet($1) GROUP BY ALL",
        [path])
    sums = ", ".join(["sum(responses)"] + [f"sum({name})" for name, _, _ in COUNTS])
    sets = ", ".join(f"({', '.join(cut)})" for cut in CUTS)
    grouping = ", ".join(f"grouping({one})" for one in ONES)
    found = connection.execute(
        f"SELECT {', '.join(ONES)}, {grouping}, {sums} FROM combined GROUP BY GROUPING SETS ({sets})").fetchall()
    took = stop(began)
    lines = []
    for row in found:
        values, left_out, counts = row[:6], row[6:12], row[12:]
        cut = tuple(one for one, out in zip(ONES, left_out) if not out)
        named = [value for value, out in zip(values, left_out) if not out]
        if None not in named:
            lines.append(line(cut, named, counts[0], [int(count) for count in counts[1:]]))
    return took, lines


def with_polars(path):
    import polars as pl

    began = start()
    count = [pl.len().alias("responses")] + [(pl.col(q) == s).sum().alias(name) for name, q, s in COUNTS]
    combined = pl.scan_parquet(path).group_by(ONES).agg(count).collect(engine="streaming")
    sums = [pl.col("responses").sum()] + [pl.col(name).sum() for name, _, _ in COUNTS]
    found = pl.collect_all([
        (combined.lazy().drop_nulls(cut).group_by(cut) if cut else combined.lazy().group_by(pl.lit("all"))).agg(sums)
        for cut in map(list, CUTS)])
    took = stop(began)
    lines = []
    for cut, cells in zip(CUTS, found):
        for row in cells.iter_rows():
            skip = len(cut) or 1
            lines.append(line(cut, row[:len(cut)], row[skip], row[skip + 1:]))
    return took, lines


def start():
    return time.perf_counter(), time.process_time()


def stop(began):
    return {"wall": time.perf_counter() - began[0], "cpu": time.process_time() - began[1], "peak_kib": 0}


def write(path):
    import duckdb

    columns = {**{question: "UTINYINT" for question, _ in SCORES}, **{one: "VARCHAR" for one in ONES}}
    order = ["nps", "csat", "ces", *ONES]
    duckdb.execute(
        "COPY (SELECT * FROM read_csv('/dev/stdin', header = false, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {({name: columns[name] for name in order})})) TO '{path}' (FORMAT parquet)")


def main():
    what, path = sys.argv[1:3]
    if what == "write":
        return write(path)
    took, lines = {"duckdb": with_duckdb, "polars": with_polars}[what](path)
    with open(sys.argv[3], "w", encoding="utf-8", newline="\n") as cells:
        cells.writelines(f"{one}\n" for one in sorted(lines, key=lambda one: one.encode()))
    took["peak_kib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(took))


main()
