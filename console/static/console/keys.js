/* Keys, menus, copying, and what a press does: one listener for each kind of event, on the document. */

import { ROWS, all, linkOf, say, typing } from "./page.js";

const writeClipboard = async (text) => {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http has no clipboard API.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
};

const copy = async (element) => {
  await writeClipboard(element.dataset.copy);
  element.classList.add("copied");
  say(`Copied ${element.dataset.copy}`);
  setTimeout(() => element.classList.remove("copied"), 1500);
};

const step = (by) => {
  const rows = all(ROWS).filter((row) => row.offsetParent !== null);
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  linkOf(rows[next]).focus();
  rows[next].scrollIntoView({ block: "nearest" });
};

const KEYS = {
  "/": () => { const find = document.getElementById("find"); find?.focus(); find?.select(); },
  j: () => step(1),
  k: () => step(-1),
  o: () => document.activeElement?.closest(ROWS) && linkOf(document.activeElement.closest(ROWS)).click(),
  x: () => document.activeElement?.closest(ROWS)?.querySelector("input[type=checkbox]")?.click(),
  "?": () => document.getElementById("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    all("details.menu[open], details.chip-menu[open]").forEach((menu) => {
      menu.open = false;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    });
    if (typing(document.activeElement)) document.activeElement.blur();
    return;
  }
  if ((event.key === "Enter" || event.key === " ") && event.target.matches("[data-copy][role=button]")) {
    event.preventDefault();
    copy(event.target);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const act = KEYS[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

document.addEventListener("click", (event) => {
  for (const menu of all("details.menu[open], details.chip-menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (event.target.closest("[data-keys]")) KEYS["?"]();
  const copied = event.target.closest("[data-copy]");
  if (copied && !window.getSelection().toString()) copy(copied);
  const everything = event.target.closest("input[data-select-all]");
  if (everything) {
    const form = everything.closest("form");
    all("input[type=checkbox][name]", form).forEach((box) => { box.checked = everything.checked; });
  }
  const row = event.target.closest("[data-row]");
  if (row && !event.target.closest("a, button, input, label, summary, select, textarea, [data-copy]")) {
    if (!window.getSelection().toString()) row.querySelector("a.row-link")?.click();
  }
});

// A second press of the same button sends nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => { delete form.dataset.sent; }, 5000);
});
