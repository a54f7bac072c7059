// Keys and dragging for the desk. Every page works without this file; nothing here decides.
"use strict";
(() => {
  const typing = (e) => e.target.closest("input, textarea, select, dialog, [contenteditable]");
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  let waiting = "";

  // Keys: an element with data-key="x" is clicked, or focused when it is a field.
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) {
      const save = (e.ctrlKey || e.metaKey) && e.key === "Enter" && e.target.closest("form");
      if (save) { e.preventDefault(); save.requestSubmit(); }
      return;
    }
    if (e.key === "Escape" && typing(e)) { e.target.blur(); return; }
    if (typing(e)) return;
    if (waiting === "g") {
      waiting = "";
      const to = { t: "/desk", i: "/desk/issues", s: "/desk/sending", r: "/desk/reports" }[e.key];
      if (to) { e.preventDefault(); location.assign(to); }
      return;
    }
    if (e.key === "g") { waiting = "g"; return; }
    if (e.key === "?") { e.preventDefault(); document.getElementById("keys")?.showModal(); return; }
    if (e.key === "j" || e.key === "k") {
      const items = all("[data-item]");
      if (!items.length) return;
      const at = items.findIndex((one) => one.contains(document.activeElement) || one === document.activeElement);
      const next = items[Math.min(items.length - 1, Math.max(0, at + (e.key === "j" ? 1 : at < 0 ? 1 : -1)))];
      e.preventDefault();
      (next.matches("a, button, textarea") ? next : next.querySelector("a, button, textarea"))?.focus();
      next.scrollIntoView({ block: "nearest" });
      return;
    }
    const here = document.activeElement?.closest("[data-item]") || document;
    const key = CSS.escape(e.key);
    const found = here.querySelector(`[data-key="${key}"]`) || document.querySelector(`[data-global][data-key="${key}"]`);
    if (found && !found.disabled) {
      e.preventDefault();
      if (found.matches("input:not([type=checkbox]), textarea, select")) found.focus(); else found.click();
    }
  });

  // Dragging in a list: the new order is sent by the form that the list names.
  let held = null;
  document.addEventListener("dragstart", (e) => {
    held = e.target.closest?.("[draggable=true][data-story]");
    if (!held) return;
    e.dataTransfer.effectAllowed = "move";
    e.dataTransfer.setData("text/plain", held.dataset.story);
    held.classList.add("moving");
  });
  const target = (e) => (held ? e.target.closest?.("[draggable=true][data-story]") : null);
  document.addEventListener("dragover", (e) => {
    const over = target(e);
    if (!over) return;
    e.preventDefault();
    all(".over-it").forEach((one) => one.classList.remove("over-it"));
    over.classList.add("over-it");
  });
  document.addEventListener("drop", (e) => {
    const over = target(e);
    if (!over || over === held) return;
    e.preventDefault();
    const after = e.clientY > over.getBoundingClientRect().top + over.offsetHeight / 2;
    over[after ? "after" : "before"](held);
    const form = document.getElementById("order");
    form.elements.order.value = all("[draggable=true][data-story]").map((one) => one.dataset.story).join(" ");
    form.requestSubmit();
  });
  document.addEventListener("dragend", () => {
    all(".moving, .over-it").forEach((one) => one.classList.remove("moving", "over-it"));
    held = null;
  });

  // A choice that is acted on at once has a button for those without this file; hide it here.
  all("select[data-go]").forEach((one) => one.addEventListener("change", () => one.form.requestSubmit()));
  // Leaving with words that were not kept asks once.
  const edited = () => all("form[data-keep]").some((form) => form.dataset.dirty);
  document.addEventListener("input", (e) => { const form = e.target.closest("form[data-keep]"); if (form) form.dataset.dirty = "1"; });
  document.addEventListener("submit", (e) => { delete e.target.dataset.dirty; });
  window.addEventListener("beforeunload", (e) => { if (edited()) e.preventDefault(); });
})();
