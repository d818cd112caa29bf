// Small behaviours of every page: theme, live regions, confirmation, moments, keys in lists.
"use strict";

const said = (text) => { document.getElementById("said").textContent = text; };

// Theme: the button goes from the one that is seen to the other.
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* forbidden: for this page */ }
});

// Moments: "3 min ago" stays true while the page is open.
function ago(moment) {
  const seconds = (Date.now() - moment) / 1000;
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  }
  return "just now";
}
setInterval(() => {
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.textContent = ago(Date.parse(time.dateTime));
  }
}, 30000);

// Live: when something changes, the page is read again and its regions are exchanged.
const live = {
  main: document.querySelector("main[data-live]"),
  button: document.getElementById("live"),
  on: true,
  due: false,
  busy: false,
  again: 0,

  start() {
    if (!this.main) return;
    this.source = new EventSource("/api/v1/events");
    this.source.onopen = () => this.shown("on");
    this.source.onerror = () => this.shown("lost");
    for (const kind of [...this.main.dataset.live.split(" "), "reset"]) {
      this.source.addEventListener(kind, (event) => this.heard(kind, JSON.parse(event.data)));
    }
    this.button?.addEventListener("click", () => {
      this.on = !this.on;
      this.button.setAttribute("aria-pressed", this.on);
      if (this.on && this.due) this.soon();
    });
  },
  shown(state) {
    if (this.button) this.button.dataset.state = state;
  },
  heard(kind, data) {
    const only = this.main.dataset.liveId;
    if (only && kind !== "reset" && !(kind === "failure" && String(data.id) === only)) return;
    this.due = true;
    if (this.on) this.soon();
  },
  soon() {
    clearTimeout(this.again);
    this.again = setTimeout(() => this.read(), 150);
  },
  async read() {
    if (this.busy) return this.soon();
    this.busy = true;
    this.due = false;
    try {
      const answer = await fetch(location.href, { headers: { "x-live": "1" } });
      if (answer.ok) this.exchange(await answer.text());
    } catch {
      this.due = true; // The stream comes back by itself, and with it the next change.
    } finally {
      this.busy = false;
    }
  },
  exchange(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const focused = document.activeElement?.closest("[id]")?.id;
    const inside = document.activeElement?.matches("[data-row]");
    let moved = 0;
    for (const old of document.querySelectorAll("[data-region]")) {
      const now = fresh.getElementById(old.id);
      // An open menu is in somebody's hands: it is exchanged with the next change.
      if (!now || now.innerHTML === old.innerHTML || old.querySelector(".menu[open]")) continue;
      for (const row of now.querySelectorAll("tr[data-state]")) {
        const before = document.getElementById(row.id);
        if (before?.dataset.state !== row.dataset.state) { row.classList.add("fresh"); moved += 1; }
      }
      old.replaceWith(now);
      window.htmx?.process(now);
    }
    if (focused && inside) document.querySelector(`#${CSS.escape(focused)} [data-row]`)?.focus();
    if (moved) said(moved === 1 ? "One failure changed." : `${moved} failures changed.`);
  },
};
live.start();

// Confirmation: a form with data-confirm asks in a dialog first, with or without htmx.
const dialog = document.getElementById("confirm");
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset?.confirm || form.dataset.sure) return;
  event.preventDefault();
  event.stopPropagation();
  const button = event.submitter;
  dialog.querySelector("h2").textContent = form.dataset.confirm;
  dialog.querySelector("#confirm-text").textContent = form.dataset.confirmText ?? "";
  dialog.querySelector("[value=yes]").textContent = button?.textContent.trim() || "Yes";
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    form.dataset.sure = "1";
    form.requestSubmit(button);
    delete form.dataset.sure;
  }, { once: true });
  dialog.showModal();
}, true);

// Keys: in a list, the arrows go from row to row.
document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[data-row]") || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const rows = [...document.querySelectorAll("[data-row]")];
  const next = rows[rows.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
  if (next) { event.preventDefault(); next.focus(); }
});
