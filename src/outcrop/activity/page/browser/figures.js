// Figures of a selection, and how they are written. No part of the document is touched here.

const SUMS = ["calls", "input", "output", "cacheRead", "cacheWrite", "cost", "unpriced", "premium"];
const FIRST_SUM = 5; // after day, model, identity, region, error
const OTHERS = "*";
const DIMENSIONS = ["model", "identity", "region"];
const DAY = 86400000;

const NONE = () => Object.fromEntries([...SUMS, "errors"].map((name) => [name, 0]));

function add(sums, row) {
  for (let at = 0; at < SUMS.length; at++) sums[SUMS[at]] += row[FIRST_SUM + at];
  if (row[4] >= 0) sums.errors += row[FIRST_SUM];
}

/** The days of a summary, as ISO texts. */
function daysOf(summary) {
  const days = [];
  for (let at = Date.parse(summary.first); at <= Date.parse(summary.last); at += DAY)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/** What the filters leave: totals, and sums by day, name and error. */
function select(summary, days, filters) {
  const wanted = DIMENSIONS.map((name) =>
    filters[name] ? summary.names[name].indexOf(filters[name]) : null);
  const from = filters.from || days[0];
  const to = filters.to || days.at(-1);
  const within = (row) =>
    days[row[0]] >= from && days[row[0]] <= to &&
    wanted.every((place, at) => place === null || row[at + 1] === place);
  const chosen = {
    days: days.map((day, place) => place).filter((place) => days[place] >= from && days[place] <= to),
    total: NONE(),
    byDay: days.map(NONE),
    by: Object.fromEntries(DIMENSIONS.map((name) => [name, summary.names[name].map(NONE)])),
    modelByDay: summary.names.model.map(() => days.map(() => 0)),
    errorByDay: summary.names.error.map(() => days.map(() => 0)),
    classesByDay: days.map(() => new Map()),
    classes: new Map(),
  };
  for (const row of summary.cells) {
    if (!within(row) || (filters.errors && row[4] < 0)) continue;
    add(chosen.total, row);
    add(chosen.byDay[row[0]], row);
    DIMENSIONS.forEach((name, at) => add(chosen.by[name][row[at + 1]], row));
    chosen.modelByDay[row[1]][row[0]] += row[FIRST_SUM + SUMS.indexOf("cost")];
    if (row[4] >= 0) chosen.errorByDay[row[4]][row[0]] += row[FIRST_SUM];
  }
  if (!filters.errors)
    for (const row of summary.latencies) {
      if (!within(row)) continue;
      for (const counts of [chosen.classes, chosen.classesByDay[row[0]]])
        for (let at = 4; at < row.length; at += 2)
          counts.set(row[at], (counts.get(row[at]) ?? 0) + row[at + 1]);
    }
  return chosen;
}

/** A percentile in milliseconds from counts by class, null of nothing. */
function percentile(counts, share, width) {
  const classes = [...counts].sort(([one], [other]) => one - other);
  const rank = share * classes.reduce((sum, [, count]) => sum + count, 0);
  let before = 0;
  for (const [place, count] of classes) {
    if (before + count >= rank) return width ** (place + (rank - before) / count);
    before += count;
  }
  return null;
}

// How things are written ─────────────────────────────────────────────────────────────────────────

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const fractions = new Intl.NumberFormat("en", {
  style: "currency", currency: "USD", minimumFractionDigits: 4, maximumFractionDigits: 4,
});
const roundDollars = new Intl.NumberFormat("en", {
  style: "currency", currency: "USD", notation: "compact", maximumFractionDigits: 1,
});
const dayAndMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const dayInFull = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });

const money = (dollars) => {
  if (dollars === null || dollars === undefined) return "no price";
  return dollars !== 0 && Math.abs(dollars) < 1 ? fractions.format(dollars) : cents.format(dollars);
};
const moneyTick = (dollars) => (dollars !== 0 && dollars < 1 ? money(dollars) : roundDollars.format(dollars));
const duration = (ms) => {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${whole.format(ms)} ms`;
  if (ms < 120000) return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
  return `${(ms / 60000).toFixed(1)} min`;
};
const durationTick = (ms) => (ms < 1000 ? `${ms} ms` : `${whole.format(ms / 1000)} s`);
const percent = (part, all) => (all ? `${((100 * part) / all).toFixed(part ? 1 : 0)} %` : "–");
const shortDay = (day) => dayAndMonth.format(new Date(day));
const longDay = (day) => dayInFull.format(new Date(day));
const moment = (iso) => `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;

/** Names as short as they can be without two becoming the same. */
function shorten(names, others) {
  const rules = {
    model: (name) => name.replace(/^anthropic\./, "").replace(/(-\d{8})?(-v\d+(:\d+)?)?$/, ""),
    identity: (name) => name.replace(/^arn:[^:]*:[^:]*:[^:]*:[^:]*:(?:assumed-role\/|user\/|role\/)?/, "")
      .replace(/^AWSReservedSSO_(.+)_[0-9a-f]{16}\/(.+)$/, "$2 ($1)"),
    region: (name) => name,
  };
  const short = {};
  for (const dimension of DIMENSIONS) {
    const made = names[dimension].map((name) => rules[dimension](name) || name);
    const times = new Map();
    for (const name of made) times.set(name, (times.get(name) ?? 0) + 1);
    short[dimension] = new Map(names[dimension].map((name, at) => [
      name,
      name === OTHERS ? `${whole.format(others[dimension])} others`
        : times.get(made[at]) > 1 ? name : made[at],
    ]));
  }
  return (dimension, name) => short[dimension]?.get(name) ?? name;
}
