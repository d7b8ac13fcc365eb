// Charts as SVG, each with its legend and its table. Text reaches the document as text nodes only.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 190;
const BELOW = 18;
const LEFT = 48;

/** An element with attributes and children; strings become text nodes. */
function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function drawn(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** Round values from nought to at least `top`; whole ones for what is counted. */
function ticks(top, counted) {
  if (!(top > 0)) return [0, 1];
  const rough = counted ? Math.max(1, top / 4) : top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((factor) =>
    factor * power >= rough && (!counted || Number.isInteger(factor * power))) * power;
  const count = Math.ceil(top / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, at) => at * step);
}

/** Ones and threes of powers of ten around the values, for a logarithmic axis. */
function decades(low, high) {
  const marks = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high * 10; power *= 10)
    marks.push(power, 3 * power);
  const from = Math.max(0, marks.findLastIndex((mark) => mark <= low));
  const to = marks.findIndex((mark) => mark >= high);
  return marks.slice(from, Math.max(to, from + 1) + 1);
}

/** A table that scrolls by itself. Columns: [title, is a number]. Cells: text or elements. */
function table(caption, columns, rows) {
  const cell = (content, at) => element(at ? "td" : "th", {
    scope: at ? null : "row",
    class: columns[at][1] === true ? "number" : columns[at][1] || null,
  }, content);
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element("table", {},
      element("caption", { class: "unseen" }, caption),
      element("thead", {}, element("tr", {}, columns.map(([title, kind]) =>
        element("th", { scope: "col", class: kind === true ? "number" : kind || null }, title)))),
      element("tbody", {}, rows.map((row) => element("tr", {}, row.map(cell))))));
}

/**
 * A chart of days.
 *
 * @param {object} about `title`, `kind` ("bars", one on the other, or "lines" on a
 *   logarithmic axis), `series` of
 *   {name, values by day or null, all (what the legend tells of the whole), style}, `days` (ISO),
 *   `counted` (only whole numbers on the axis), `format`, `tick` (format of the axis), `empty` (a sentence), `choose` (called with a day),
 *   `link` (the address that shows a day).
 */
function chart(about) {
  const { title, days, series, format } = about;
  const section = element("section", {}, element("h2", {}, title));
  const shown = series.filter(({ values }) => values.some((value) => value !== null && value > 0));
  if (!shown.length) {
    section.append(element("p", { class: "empty" }, about.empty));
    return section;
  }
  const values = shown.map(({ all }) => {
    const value = element("b", {}, format(all));
    value.style.minWidth = `${value.textContent.length + 1}ch`; // nothing moves under the pointer
    return value;
  });
  const span = element("span", { class: "quiet" }, about.span);
  const tell = (at) => {
    span.textContent = at === null ? about.span : longDay(days[at]);
    shown.forEach((one, place) => {
      const value = at === null ? one.all : one.values[at];
      values[place].textContent = value === null ? "–" : format(value);
    });
  };
  const holder = element("div");
  const legend = element("ul", { class: "legend", "aria-hidden": "true" },
    shown.map((one, at) => element("li", {}, swatch(about.kind, one.style), `${one.name} `, values[at])),
    element("li", {}, span));
  const details = element("details", {
    toggle: () => {
      if (!details.open || details.children.length > 1) return;
      details.append(table(title, [["Day", "time"], ...shown.map(({ name }) => [name, true])],
        days.map((day, at) => [
          element("a", { href: about.link(day) }, longDay(day)),
          ...shown.map((one) => (one.values[at] === null ? "–" : format(one.values[at]))),
        ])));
    },
  }, element("summary", {}, "Table", element("span", { class: "unseen" }, ` of: ${title}`)));
  section.append(holder, legend, details);
  section.draw = () => holder.replaceChildren(draw(about, shown, holder.clientWidth || 560, tell));
  return section;
}

function swatch(kind, style) {
  return drawn("svg", { viewBox: "0 0 20 10", class: style, "aria-hidden": "true" },
    kind === "bars" ? drawn("rect", { class: "bar", width: 20, height: 10, rx: 2 })
      : drawn("path", { class: `line ${style}`, d: "M0 5H20" }));
}

function draw({ title, kind, counted, days, format, tick, choose }, shown, width, tell) {
  const tops = kind === "bars"
    ? days.map((_, at) => shown.reduce((sum, { values }) => sum + values[at], 0))
    : shown.flatMap(({ values }) => values.filter((value) => value !== null));
  const base = HEIGHT - BELOW;
  const scale = kind === "bars" ? ticks(Math.max(...tops), counted) : decades(Math.min(...tops), Math.max(...tops));
  const [least, most] = [scale[0], scale.at(-1)];
  const part = kind === "bars" ? (value) => value / most
    : (value) => Math.log(value / least) / Math.log(most / least);
  const step = (width - LEFT) / days.length;
  const x = (at) => LEFT + at * step;
  const y = (value) => base - part(value) * (base - 8);
  const every = Math.max(1, Math.ceil(56 / step));
  const told = shown.map(({ name, all }) => `${name} ${format(all)}`).join(", ");
  const bands = days.map((day, at) => drawn("rect", {
    class: "day", x: x(at), y: 0, width: step, height: base,
    pointerenter: ({ target }) => { target.classList.add("on"); tell(at); },
    pointerleave: ({ target }) => { target.classList.remove("on"); tell(null); },
    click: () => choose(day),
  }));
  return drawn("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, role: "img",
    "aria-label": `${title}, ${days.length} days: ${told}. The table below has the figures.`,
  },
  scale.map((value) => [
    drawn("path", { class: "grid", d: `M${LEFT} ${Math.round(y(value)) + 0.5}H${width}` }),
    drawn("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, tick(value)),
  ]),
  days.map((day, at) => (at % every ? null
    : drawn("text", { x: x(at) + 1, y: HEIGHT - 3 }, shortDay(day)))),
  kind === "bars" ? bars(days, shown, x, y, step) : lines(days, shown, (at) => x(at) + step / 2, y),
  bands);
}

function bars(days, shown, x, y, step) {
  const gap = step > 6 ? 2 : step > 3 ? 1 : 0;
  return days.map((_, at) => {
    let height = 0;
    return shown.map(({ values, style }) => {
      if (!values[at]) return null;
      const bottom = y(height);
      height += values[at];
      const top = Math.min(y(height), bottom - 0.5);
      return drawn("rect", {
        class: `bar ${style}`, x: x(at) + gap / 2, y: top, width: step - gap, height: bottom - top,
      });
    });
  });
}

function lines(days, shown, x, y) {
  return shown.map(({ values, style }) => {
    let pen = "M";
    let path = "";
    const points = values.map((value, at) => {
      if (value === null) { pen = "M"; return null; }
      path += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
      const alone = values[at - 1] == null && values[at + 1] == null;
      return alone ? drawn("circle", { class: `point ${style}`, cx: x(at), cy: y(value), r: 3 }) : null;
    });
    return [drawn("path", { class: `line ${style}`, d: path }), points];
  });
}

/** A bar as wide as a part is of the most. */
function share(part, most, style) {
  return drawn("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn("rect", { class: `bar ${style}`, height: 10, width: most > 0 ? (100 * part) / most : 0 }));
}
