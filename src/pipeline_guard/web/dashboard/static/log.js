// A failure's log: windows of lines are loaded when they come near, and given up when far away.
"use strict";

(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const MOST_LOADED = 24;
  const lines = document.getElementById("lines");
  const windows = [...log.querySelectorAll(".window")];
  const rowHeight = () => parseFloat(getComputedStyle(lines).getPropertyValue("--row")) || 20;
  const count = (part) => part.dataset.last - part.dataset.first + 1;
  const loaded = new Set(windows.filter((part) => "loaded" in part.dataset));
  const placeholders = new Map();

  function size(part) {
    part.style.minHeight = "loaded" in part.dataset ? "" : `${count(part) * rowHeight()}px`;
    part.style.containIntrinsicBlockSize = `auto ${count(part) * rowHeight()}px`;
  }

  async function load(part) {
    if ("loaded" in part.dataset || part.dataset.loading) return part.promise;
    part.dataset.loading = "1";
    const { part: file, first, last } = part.dataset;
    part.promise = (async () => {
      try {
        const answer = await fetch(`${log.dataset.log}?part=${file}&first=${first}&last=${last}`);
        if (!answer.ok) return;
        placeholders.set(part, part.innerHTML);
        part.innerHTML = await answer.text();
        part.dataset.loaded = "";
        loaded.add(part);
        size(part);
        mark();
        giveUp(part);
      } catch {
        // Offline for a moment: the next time it is seen it is asked for again.
      } finally {
        delete part.dataset.loading;
      }
    })();
    return part.promise;
  }

  // From the middle of what is seen; what is folded away is farthest.
  function distance(part) {
    const box = part.getBoundingClientRect();
    return box.height ? Math.abs(box.top + box.bottom - innerHeight) / 2 : Infinity;
  }

  function giveUp(fresh) {
    const spare = [...loaded]
      .filter((part) => part !== fresh && placeholders.has(part) && !part.contains(document.activeElement))
      .map((part) => [distance(part), part])
      .sort((a, b) => b[0] - a[0]);
    for (const [, far] of spare.slice(0, Math.max(0, loaded.size - MOST_LOADED))) {
      far.innerHTML = placeholders.get(far);
      delete far.dataset.loaded;
      loaded.delete(far);
      size(far);
      seen.unobserve(far);
      seen.observe(far);
    }
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) load(entry.target);
  }, { rootMargin: "600px 0px" });

  for (const part of windows) {
    size(part);
    seen.observe(part);
  }

  // Permalinks: #L123, or #P2L123 in the third file of a log of several.
  function place(name) {
    const match = /^#?(?:P(\d+))?L(\d+)$/.exec(name);
    return match && { part: match[1] ?? "0", line: Number(match[2]), id: match[0].replace("#", "") };
  }

  function mark() {
    const wanted = place(location.hash);
    for (const old of lines.querySelectorAll(".aim")) old.classList.remove("aim");
    if (wanted) document.getElementById(wanted.id)?.classList.add("aim");
  }

  async function jump(name, focus) {
    const wanted = place(name);
    if (!wanted) return;
    const part = windows.find((item) => item.dataset.part === wanted.part
      && Number(item.dataset.first) <= wanted.line && wanted.line <= Number(item.dataset.last));
    if (!part) return;
    for (let fold = part.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    await load(part);
    mark();
    const line = document.getElementById(wanted.id);
    line?.scrollIntoView({ block: "center" });
    // Windows above it take their real height only now.
    requestAnimationFrame(() => requestAnimationFrame(() => line?.scrollIntoView({ block: "center" })));
    if (focus) line?.querySelector("a").focus({ preventScroll: true });
  }

  addEventListener("hashchange", () => jump(location.hash, true));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#L"], a[href^="#P"]');
    if (link && link.hash === location.hash) jump(link.hash, true);
  });
  if (place(location.hash)) jump(location.hash, false);

  // From one piece of evidence to the next, in the order of the log.
  const evidence = [...new Set([...document.querySelectorAll("ol.evidence:not(.found) li:not(.dim) a")].map((link) => link.hash))]
    .map(place).filter(Boolean)
    .sort((a, b) => a.part - b.part || a.line - b.line);
  let at = -1;
  function step(by) {
    if (!evidence.length) return;
    at = at < 0 && by < 0 ? evidence.length - 1 : (at + by + evidence.length) % evidence.length;
    const hash = `#${evidence[at].id}`;
    if (location.hash === hash) jump(hash, true); else location.hash = hash;
  }
  const next = document.getElementById("evidence-next");
  const previous = document.getElementById("evidence-previous");
  next.disabled = previous.disabled = !evidence.length;
  next.addEventListener("click", () => step(1));
  previous.addEventListener("click", () => step(-1));

  const wrap = document.getElementById("wrap");
  wrap.addEventListener("click", () => {
    wrap.setAttribute("aria-pressed", lines.classList.toggle("wrapped"));
  });
})();
