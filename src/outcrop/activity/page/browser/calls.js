// Findings, calls and what was said in them: what the figures lead to.

// Findings and calls ─────────────────────────────────────────────────────────────────────────────

const MOST_IDS = 100; // findings name no more calls

function showFindings(filters) {
  const holder = at("findings").querySelector("div");
  if (!book.findings) {
    holder.replaceChildren(element("p", { class: "quiet" }, "Misuse wasn't looked for when this page was made."));
    return;
  }
  const within = book.findings.filter((one) =>
    (!filters.identity || one.identity === filters.identity) &&
    (!filters.from || !one.time || (one.until ?? one.time).slice(0, 10) >= filters.from) &&
    (!filters.to || !one.time || one.time.slice(0, 10) <= filters.to));
  if (!within.length) {
    holder.replaceChildren(element("p", { class: "quiet" },
      book.findings.length ? "No findings in this selection." : "No findings."));
    return;
  }
  const columns = [["Severity", "tight"], ["Time, UTC", "time"], ["Detector", "time"], ["Identity", "wide"], ["What was found", "wide"], ["Calls"]];
  const others = filters.model || filters.region || filters.errors
    ? element("p", { class: "quiet" }, "Findings are chosen by identity and days only.") : "";
  holder.replaceChildren(others, table("Findings", columns, within.map((one) => [
    element("span", { class: `severity ${["high", "critical"].includes(one.severity) ? "failed" : ""}` }, one.severity),
    one.time ? moment(one.time) : "–",
    one.detector,
    one.identity ? element("a", { href: address({ identity: one.identity }), title: one.identity },
      short("identity", one.identity)) : "–",
    one.summary,
    [...one.ids.slice(0, 3).flatMap((id) => [callLink(id, id.slice(0, 8)), " "]),
      one.calls > 3 ? `of ${one.calls}${one.calls < MOST_IDS ? "" : " or more"}` : null],
  ])));
}

const callLink = (id, text) => element("a", { href: address({ call: id }) }, text);

function chooseEmbedded(filters, order) {
  const orders = {
    newest: (one, other) => other.time.localeCompare(one.time),
    oldest: (one, other) => one.time.localeCompare(other.time),
    dearest: (one, other) => (other.cost ?? -1) - (one.cost ?? -1),
    slowest: (one, other) => (other.latency ?? -1) - (one.latency ?? -1),
    longest: (one, other) => tokensOf(other) - tokensOf(one),
  };
  const nameOf = (call, dimension) => (dimension === "identity" ? call.who : call[dimension]);
  const fits = (call) => DIMENSIONS.every((name) => !filters[name] || (filters[name] === OTHERS
    ? !book.summary.names[name].includes(nameOf(call, name))
    : nameOf(call, name) === filters[name]));
  return book.calls.filter((call) => fits(call) && (!filters.errors || call.error !== null) &&
    (!filters.from || call.time.slice(0, 10) >= filters.from) &&
    (!filters.to || call.time.slice(0, 10) <= filters.to)).sort(orders[order]);
}

const tokensOf = (call) => call.input + call.output + call.cache_read + call.cache_write;

async function showCalls(filters, order) {
  const mine = ++listed;
  const holder = at("calls").querySelector("div");
  const calls = [];
  at("calls").querySelector("select").value = order;
  const show = (more) => {
    if (!calls.length) holder.replaceChildren(element("p", { class: "quiet" }, "No calls in this selection."));
    else holder.replaceChildren(table("Calls", CALL_COLUMNS, calls.map(callRow)));
    at("more").hidden = !more;
  };
  if (book.calls) {
    const all = chooseEmbedded(filters, order);
    const further = () => {
      calls.push(...all.slice(calls.length, calls.length + 50));
      show(calls.length < all.length);
    };
    at("more").onclick = further;
    at("calls-about").textContent = `Of ${whole.format(book.calls.length)} calls the file has the particulars: ` +
      "those of findings first, then failed ones and the dearest in turn.";
    further();
    return;
  }
  const next = async () => {
    at("more").disabled = true;
    try {
      const answer = await ask("calls.json", new URLSearchParams({ ...filters, order, offset: calls.length }));
      if (mine !== listed) return;
      calls.push(...answer.calls);
      show(answer.more);
    } catch (error) {
      if (mine === listed) holder.replaceChildren(element("p", { class: "failed" }, error.message));
    } finally {
      at("more").disabled = false;
    }
  };
  at("more").onclick = next;
  await next();
}

const CALL_COLUMNS = [["Time, UTC", "time"], ["Model"], ["Identity"], ["Region"], ["Tokens in", true],
  ["cached", true], ["out", true], ["Cost", true], ["Latency", true], ["Outcome"]];

function callRow(call) {
  return [
    callLink(call.id, moment(call.time)), short("model", call.model), short("identity", call.who),
    call.region, whole.format(call.input + call.cache_write), whole.format(call.cache_read),
    whole.format(call.output), call.error ? "–" : money(call.cost), duration(call.latency), outcome(call),
  ];
}

const outcome = (call) => (call.error
  ? element("span", { class: "failed" }, call.error) : (call.stop ?? "–").replaceAll("_", " "));

// A conversation ─────────────────────────────────────────────────────────────────────────────────

async function showConversation(id) {
  if (!id) {
    dialog.close();
    return;
  }
  const title = element("h2", { id: "conversation-title" }, "Call");
  const body = element("div", {}, element("p", { class: "quiet" }, "Reading …"));
  dialog.replaceChildren(element("header", {}, title,
    element("button", { type: "button", click: () => dialog.close(), autofocus: true }, "Close")), body);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  try {
    const found = book.calls
      ? { call: book.calls.find((call) => call.id === id), conversation: book.conversations?.[id] }
      : await ask("conversation.json", new URLSearchParams({ id }));
    if (state().get("call") !== id) return;
    if (found.call) title.textContent = `Call of ${moment(found.call.time)} UTC`;
    body.replaceChildren(...(found.call ? [facts(found.call), ...conversation(found, id)]
      : [element("p", {}, "The file has no particulars of the call ", element("code", {}, id), ".")]));
  } catch (error) {
    body.replaceChildren(element("p", { class: "failed" }, error.message));
  }
}

function facts(call) {
  const entries = [
    ["Request ID", call.id], ["Operation", call.operation], ["Model", call.model_id ?? call.model],
    ["Identity", call.identity], ["Region", call.region], ["Ran in", call.inference_region],
    ["Outcome", outcome(call)],
    ["Tokens", `${whole.format(call.input)} in, ${whole.format(call.cache_read)} read from cache, ` +
      `${whole.format(call.cache_write)} written to cache, ${whole.format(call.output)} out`],
    ["Cost", call.error ? null : money(call.cost)],
    ["Latency", call.latency === null ? null : duration(call.latency) +
      (call.first_byte === null ? "" : `, first byte after ${duration(call.first_byte)}`)],
  ];
  return element("dl", {}, entries.filter(([, value]) => value).flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, value)]));
}

function conversation({ conversation: said }, id) {
  if (!said) {
    return [element("p", { class: "quiet" }, book.content
      ? "Nothing was recorded of what was said."
      : "Prompts and completions were left out of this file. To read them: ",
    book.content ? null : element("code", {}, `outcrop activity show ${id}`))];
  }
  const settings = Object.entries(said.settings);
  if (said.tools.length) settings.push(["tools", said.tools.join(", ")]);
  return [
    settings.length ? element("details", {}, element("summary", {}, "Settings"),
      element("dl", {}, settings.flatMap(([name, value]) =>
        [element("dt", {}, name), element("dd", {}, readable(value))]))) : null,
    ...said.turns.map((turn) => element("section", { class: turn.reply ? "turn reply" : "turn" },
      element("h3", {}, readable(turn.role), turn.reply ? " (this call's answer)" : null),
      turn.blocks.map(block))),
    ...(said.missing ?? []).map((reason) => element("p", { class: "quiet" }, reason)),
    said.turns.length || said.missing?.length ? null
      : element("p", { class: "quiet" }, "Nothing was recorded of what was said."),
  ].filter(Boolean);
}

function block({ kind, text, note }) {
  const label = [kind === "text" || kind === "note" ? null : kind, note || null].filter(Boolean).join(": ");
  return [
    label ? element("p", { class: "kind" }, readable(label)) : null,
    text ? element(kind === "text" || kind === "thinking" ? "p" : "pre",
      { class: kind === "text" || kind === "thinking" ? "said" : "said code", dir: "auto" }, readable(text)) : null,
  ];
}

// Characters that don't show: controls, marks of direction, fillers, tags. Joiners belong to words.
const INVISIBLE = new RegExp("([\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160" +
  "\\u17b4\\u17b5\\u180e\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb" +
  "\\u{e0000}-\\u{e0fff}])", "u");

/** Text with what hides in it made visible; a list of strings and elements. */
function readable(text) {
  const parts = String(text).replaceAll("\r\n", "\n").split(INVISIBLE);
  if (parts.length === 1) return parts;
  return parts.map((part, place) => {
    if (place % 2 === 0) return part;
    const code = `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    return element("span", { class: "invisible", title: "a character that doesn't show" }, code);
  });
}
