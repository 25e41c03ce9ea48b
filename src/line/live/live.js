// SPDX-License-Identifier: Apache-2.0
"use strict";
(() => {
  const words = {
    empty: "empty", connect: "connecting", claim: "claiming", check: "checking",
    flash: "flashing", burn: "burning", boot: "booting", finish: "finishing",
  };
  const verdicts = {
    pass: ["pass", "✓ PASS"], "passed-before": ["pass", "✓ PASSED BEFORE"],
    fail: ["fail", "✗ FAIL"], aborted: ["stop", "■ STOPPED"],
  };
  const byId = (id) => document.getElementById(id);
  const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const tiles = new Map();
  let offset = 0, heard = 0, opened = Date.now(), ended = false, source = null;

  function duration(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    const two = (n) => String(n).padStart(2, "0");
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + ":" + two(s % 60) + " min";
    if (s < 172800) return Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + " h";
    return Math.floor(s / 86400) + " d";
  }

  function part(parent, kind, tag = "div") {
    const node = document.createElement(tag);
    node.className = kind;
    parent.append(node);
    return node;
  }

  function makeTile(index) {
    const root = part(byId("slots"), "slot empty", "article");
    const top = part(root, "top");
    const tile = { root, label: part(top, "label", "span"), time: part(top, "time", "span"),
      big: part(root, "big"), unit: part(root, "unit"), mac: part(root, "mac"),
      why: part(root, "why"), foot: part(root, "foot") };
    tile.note = part(tile.foot, "note", "span");
    tile.meter = part(tile.foot, "meter");
    tile.fill = part(tile.meter, "", "i");
    tiles.set(index, tile);
    return tile;
  }

  function showSlot(slot) {
    const tile = tiles.get(slot.i) || makeTile(slot.i);
    const verdict = slot.stage === "verdict" ? verdicts[slot.verdict] : null;
    const runs = !verdict && slot.stage !== "empty";
    const part = slot.total ? slot.done / slot.total : 0;
    tile.data = slot;
    tile.root.className = "slot " + (verdict ? verdict[0] : runs ? "run" : "empty");
    put(tile.label, slot.slot || "#" + (slot.i + 1));
    put(tile.big, verdict ? verdict[1] : words[slot.stage] || slot.stage);
    put(tile.unit, slot.name || "");
    put(tile.mac, slot.mac || "");
    put(tile.why, [slot.cause, slot.what].filter(Boolean).join(" — "));
    const notes = [];
    if (runs && slot.total) notes.push(Math.floor(part * 100) + " %");
    if (runs && slot.rate) notes.push(number(Math.round(slot.rate / 1024)) + " KiB/s");
    if (slot.retries) notes.push(slot.retries + (slot.retries === 1 ? " retry" : " retries"));
    put(tile.note, notes.join(" · "));
    tile.meter.hidden = !runs;
    tile.meter.className = "meter" + (slot.total ? "" : " busy");
    tile.fill.style.width = slot.total ? part * 100 + "%" : "";
    showTime(tile);
  }

  function showTime(tile) {
    const slot = tile.data;
    const runs = slot.stage !== "empty" && slot.stage !== "verdict";
    put(tile.time, runs && slot.board && !ended ? duration(Date.now() + offset - slot.board) : "");
  }

  function showTotals(t) {
    const judged = t.passed + t.failed;
    byId("bar").max = Math.max(1, t.units);
    byId("bar").value = t.done;
    put(byId("done"), number(t.done));
    put(byId("units"), "of " + number(t.units));
    put(byId("passed"), number(t.passed));
    put(byId("before"), t.before ? "+ " + number(t.before) + " before" : "");
    put(byId("failed"), number(t.failed));
    byId("failed-box").className = t.failed ? "some" : "";
    put(byId("yield"), judged ? (Math.floor(t.passed / judged * 1000) / 10) + " %" : "–");
    put(byId("rate"), t.units_per_hour ? number(Math.round(t.units_per_hour)) : "–");
    put(byId("left"), t.seconds_left === null ? "–" : duration(t.seconds_left * 1000));
  }

  function showFailures(list) {
    const box = byId("failures");
    byId("failures-box").hidden = list.length === 0;
    box.replaceChildren();
    for (const f of list) {
      const row = part(box, "", "li");
      part(row, "at", "span").textContent = new Date(f.time).toLocaleTimeString("en-GB");
      part(row, "slotname", "span").textContent = f.slot || "";
      part(row, "unitname", "span").textContent = f.name || f.mac || "";
      part(row, "reason", "span").textContent = [f.cause, f.what].filter(Boolean).join(" — ");
    }
  }

  function show(state) {
    offset = state.now - Date.now();
    heard = Date.now();
    ended = state.ended;
    if (state.batch !== undefined) {
      put(byId("batch"), state.batch || "Line");
      put(byId("station"), [state.station, state.chip].filter(Boolean).join(" · "));
      document.title = state.batch || "Line";
      for (const [index, tile] of tiles) {
        if (index >= state.slots.length) { tile.root.remove(); tiles.delete(index); }
      }
      document.body.classList.toggle("few", state.slots.length <= 6);
      document.body.classList.toggle("four", state.slots.length === 4);
    }
    state.slots.forEach(showSlot);
    showTotals(state.totals);
    if (state.failures) showFailures(state.failures);
    showLink();
  }

  function showLink() {
    const quiet = Date.now() - heard > 25000;
    const away = !source || source.readyState !== EventSource.OPEN;
    const lost = !ended && (quiet || (away && Date.now() - opened > 3000));
    const link = byId("link");
    const kind = ended ? "done" : lost ? "lost" : away ? "wait" : "live";
    link.className = "link " + kind;
    put(link, { done: "line has ended", lost: "connection lost", live: "live", wait: "connecting" }[kind]);
    document.body.classList.toggle("stale", lost);
  }

  function connect() {
    if (source) source.close();
    source = new EventSource("events");
    opened = Date.now();
    source.onopen = showLink;
    const take = (event) => show(JSON.parse(event.data));
    source.addEventListener("all", take);
    source.addEventListener("some", take);
  }

  // The state as it was when the page was made: there is something to see at once.
  const first = JSON.parse(byId("first").textContent || "{}");
  if (first.slots) show(first);
  connect();
  setInterval(() => {
    showLink();
    tiles.forEach(showTime);
  }, 1000);
  // The browser tries again by itself, but not after every kind of failure. The next line
  // at this address is found too.
  setInterval(() => {
    if (source.readyState === EventSource.CLOSED || Date.now() - heard > 40000) connect();
  }, 4000);
})();
