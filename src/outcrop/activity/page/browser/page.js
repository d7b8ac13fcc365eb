// The page: filters live in the part of the address after "#", everything is drawn from them.

const FILTERS = ["model", "identity", "region", "from", "to", "errors"];
const form = document.getElementById("filters");
const dialog = document.getElementById("conversation");
const at = (id) => document.getElementById(id);

let book; // the data of the page
let days;
let short;
let listed = 0; // marks the list of calls that is wanted, so that a late answer is dropped

const state = () => new URLSearchParams(location.hash.slice(1));
const filtersOf = (query) => Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));

/** The address of this page with some parameters changed, without an open call; "" takes one out. */
function address(changes) {
  const query = state();
  query.delete("call");
  for (const [name, value] of Object.entries(changes))
    if (value) query.set(name, value); else query.delete(name);
  return `#${query}`;
}

const go = (changes) => { location.hash = address(changes); };

async function ask(path, query = "") {
  const reply = await fetch(query ? `${path}?${query}` : path, { cache: "no-store" });
  if (reply.ok) return reply.json();
  throw new Error(reply.status === 403
    ? "This page's session has ended. Open the address that the command printed again."
    : (await reply.json().catch(() => ({}))).error ?? `The server answered ${reply.status}.`);
}

// Filters ────────────────────────────────────────────────────────────────────────────────────────

function fillFilters() {
  for (const name of DIMENSIONS) {
    const names = [...book.summary.names[name]];
    names.sort((one, other) => (one === OTHERS) - (other === OTHERS) || one.localeCompare(other));
    form.elements[name].replaceChildren(element("option", { value: "" }, "all"),
      ...names.map((value) => element("option", { value, title: value }, short(name, value))));
  }
  for (const name of ["from", "to"]) {
    form.elements[name].min = days[0];
    form.elements[name].max = days.at(-1);
  }
}

function showFilters(filters) {
  for (const name of FILTERS) {
    const field = form.elements[name];
    if (name === "errors") field.checked = filters.errors === "1";
    else {
      if (field.options && ![...field.options].some(({ value }) => value === filters[name]))
        field.append(element("option", { value: filters[name] }, filters[name]));
      field.value = filters[name] || (name === "from" ? days[0] : name === "to" ? days.at(-1) : "");
    }
  }
}

function takeFilters() {
  const wanted = new FormData(form);
  const changes = Object.fromEntries(FILTERS.map((name) => [name, wanted.get(name) ?? ""]));
  if (changes.from === days[0]) changes.from = "";
  if (changes.to === days.at(-1)) changes.to = "";
  go(changes);
}

// Figures ────────────────────────────────────────────────────────────────────────────────────────

function showTotals(chosen) {
  const { total } = chosen;
  const prompt = total.input + total.cacheRead + total.cacheWrite;
  const [half, most] = [0.5, 0.99].map((part) => percentile(chosen.classes, part, book.summary.width));
  const entries = [
    ["Calls", whole.format(total.calls), total.calls ? `${percent(total.errors, total.calls)} failed` : "none"],
    ["Cost", money(total.cost), total.unpriced ? `${whole.format(total.unpriced)} calls without a price` : "at list prices"],
    ["Regional premium", money(total.premium), total.cost ? `${percent(total.premium, total.cost)} of the cost` : "none"],
    ["Input tokens", whole.format(total.input), "not from the cache"],
    ["Output tokens", whole.format(total.output), total.calls > total.errors ? `${whole.format(total.output / (total.calls - total.errors))} a call` : "none"],
    ["Read from cache", whole.format(total.cacheRead), prompt ? `${percent(total.cacheRead, prompt)} of all input` : "none"],
    ["Latency, median", duration(half), half === null ? "not recorded" : `99 %: ${duration(most)}`],
  ];
  at("totals").replaceChildren(...entries.map(([name, value, note]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value, element("small", {}, note)))));
}

function showCharts(chosen) {
  const over = chosen.days;
  const pick = (values) => over.map((day) => values[day]);
  const shown = over.map((day) => days[day]);
  const sum = (values) => values.reduce((one, other) => one + other, 0);
  const bar = (name, style, values) => ({ name, style, values: pick(values), all: sum(pick(values)) });
  const tokens = (name, style, field) => bar(name, style, chosen.byDay.map((one) => one[field]));
  const common = {
    kind: "bars", counted: true, days: shown, empty: "Nothing in this selection.",
    span: shown.length ? `${shortDay(shown[0])} – ${shortDay(shown.at(-1))}` : "",
    format: (value) => whole.format(value), tick: (value) => compact.format(value),
    link: (day) => address({ from: day, to: day }),
    choose: (day) => go(shown.length === 1 ? { from: "", to: "" } : { from: day, to: day }),
  };
  const latency = (name, style, part) => ({
    name, style, values: over.map((day) => percentile(chosen.classesByDay[day], part, book.summary.width)),
    all: percentile(chosen.classes, part, book.summary.width),
  });
  const charts = [
    chart({ ...common, title: "Calls", series: [
      bar("succeeded", "s0", chosen.byDay.map(({ calls, errors }) => calls - errors)),
      bar("failed", "bad", chosen.byDay.map(({ errors }) => errors)),
    ] }),
    chart({ ...common, title: "Cost by model", counted: false, format: money, tick: moneyTick,
      series: largest(book.summary.names.model, chosen.modelByDay, "model", bar) }),
    chart({ ...common, title: "Tokens", series: [
      tokens("input", "s0", "input"), tokens("cache read", "s2", "cacheRead"),
      tokens("cache write", "s5", "cacheWrite"), tokens("output", "s1", "output"),
    ] }),
    chart({ ...common, title: "Latency of calls that succeeded, logarithmic", kind: "lines",
      format: duration, tick: durationTick, empty: "No latency is recorded for this selection.", series: [
        latency("50 %", "s0", 0.5), latency("90 %", "s1 dash1", 0.9), latency("99 %", "s3 dash2", 0.99),
      ] }),
    chart({ ...common, title: "Errors", empty: "No errors in this selection.",
      series: largest(book.summary.names.error, chosen.errorByDay, "error", bar) }),
  ];
  at("charts").replaceChildren(...charts);
  redraw();
}

/** The six largest as series of their own, the rest as one; a name keeps its colour if it can. */
function largest(names, byDay, dimension, bar) {
  const sums = byDay.map((values) => values.reduce((one, other) => one + other, 0));
  const order = names.map((_, place) => place).filter((place) => names[place] !== OTHERS)
    .sort((one, other) => sums[other] - sums[one]);
  const rest = [...order.slice(6), ...names.flatMap((name, place) => (name === OTHERS ? [place] : []))];
  const own = order.slice(0, 6);
  const free = [0, 1, 2, 3, 4, 5].filter((style) => !own.includes(style));
  const series = own.map((place) =>
    bar(short(dimension, names[place]), `s${place < 6 ? place : free.shift()}`, byDay[place]));
  if (rest.length)
    series.push(bar("others", "s6", days.map((_, day) => rest.reduce((sum, place) => sum + byDay[place][day], 0))));
  return series;
}

function redraw() {
  for (const section of at("charts").children) section.draw?.();
}

const TITLES = { region: "Regions", model: "Models", identity: "Identities" };

function showBreakdowns(chosen) {
  at("breakdowns").replaceChildren(...Object.keys(TITLES).map((dimension) => {
    const names = book.summary.names[dimension];
    const sums = chosen.by[dimension];
    const order = names.map((_, place) => place).filter((place) => sums[place].calls)
      .sort((one, other) => sums[other].cost - sums[one].cost || sums[other].calls - sums[one].calls);
    const top = Math.max(...sums.map(({ cost }) => cost), 0);
    const row = (place) => {
      const one = sums[place];
      return [
        element("a", { href: address({ [dimension]: names[place] }), title: names[place] },
          short(dimension, names[place])),
        share(one.cost, top, "s0"), money(one.cost), whole.format(one.calls),
        whole.format(one.input + one.cacheRead + one.cacheWrite), whole.format(one.output),
        percent(one.errors, one.calls),
      ];
    };
    const columns = [[TITLES[dimension].replace(/ies$/, "y").replace(/s$/, "")],
      [element("span", { class: "unseen" }, "Bar of the cost"), "share"],
      ["Cost", true], ["Calls", true], ["Tokens in", true], ["out", true], ["Failed", true]];
    const section = element("section", {}, element("h2", {}, TITLES[dimension]));
    const show = (most) => {
      const list = table(`Cost by ${dimension}`, columns, order.slice(0, most).map(row));
      if (section.children[1]) section.children[1].replaceWith(list); else section.append(list);
    };
    show(10);
    if (order.length > 10) {
      const all = element("button", { type: "button", click: () => { show(order.length); all.remove(); } },
        `All ${order.length}`);
      section.append(all);
    }
    return section;
  }));
}

function showStatus(chosen) {
  const all = book.summary.cells.reduce((sum, row) => sum + row[FIRST_SUM], 0);
  const part = chosen.total.calls;
  at("status").textContent = part !== all ? `${whole.format(part)} of ${whole.format(all)} calls are shown.`
    : all === 1 ? "The one call is shown." : `All ${whole.format(all)} calls are shown.`;
}

// The way through ────────────────────────────────────────────────────────────────────────────────

let drawnFor = null; // what the figures were drawn for: opening a conversation leaves them alone

function show() {
  const query = state();
  const filters = filtersOf(query);
  const order = [...at("calls").querySelector("select").options].some(({ value }) => value === query.get("order"))
    ? query.get("order") : "newest";
  const wanted = JSON.stringify([filters, order]);
  if (wanted !== drawnFor) {
    drawnFor = wanted;
    showFilters(filters);
    const chosen = select(book.summary, days, filters);
    showStatus(chosen);
    showTotals(chosen);
    showCharts(chosen);
    showBreakdowns(chosen);
    showFindings(filters);
    showCalls(filters, order);
  }
  showConversation(query.get("call"));
}

function showNotes() {
  const { summary, damaged, lost } = book;
  at("span").textContent = `${longDay(days[0])} – ${longDay(days.at(-1))}, days by UTC. Read ${moment(book.made)} UTC.`;
  at("notes").replaceChildren(...[
    "Costs are the records' tokens at the catalog's list prices. Regional premium is what global endpoints " +
      `would have saved. Percentiles of latency are read from classes ${Math.round(100 * (summary.width - 1))} % wide.`,
    summary.outside ? `${whole.format(summary.outside)} calls before or after these days aren't in any figure.` : null,
    damaged ? `${whole.format(damaged)} damaged ${damaged === 1 ? "file was" : "files were"} read as far as possible; ` +
      "what couldn't be read isn't in any figure." : null,
    lost ? `${whole.format(lost)} calls were lost before they could be recorded, by their recorder's own count.` : null,
  ].filter(Boolean).map((text) => element("p", {}, text)));
}

async function start() {
  const given = JSON.parse(at("data").textContent);
  try {
    book = given.summary ? given : await ask("data.json");
  } catch (error) {
    at("status").textContent = error.message;
    at("status").className = "failed";
    return;
  }
  days = daysOf(book.summary);
  short = shorten(book.summary.names, book.summary.others);
  fillFilters();
  showNotes();
  at("figures").hidden = false;
  form.addEventListener("change", takeFilters);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    go(Object.fromEntries(FILTERS.map((name) => [name, ""])));
  });
  at("calls").querySelector("select").addEventListener("change", ({ target }) =>
    go({ order: target.value === "newest" ? "" : target.value }));
  dialog.addEventListener("close", () => { if (state().has("call")) go({ call: "" }); });
  addEventListener("hashchange", show);
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; redraw(); } });
  show();
}

start();
