// Keys, dragging and focus for the desk. Every page works without this file; nothing here decides.
"use strict";
(() => {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const FIELD = "select, textarea, dialog, input:not([type=checkbox], [type=radio])";
  const typing = (e) => e.target.closest(FIELD);
  const item = () => document.activeElement?.closest("[data-item]");
  // What of an item is focused: itself where it can be, else the first thing in it that can.
  const handle = (one) => (one.tabIndex === -1 && one.hasAttribute("tabindex") ? one : one.querySelector("a, button, input:not([type=hidden]), textarea"));
  const go = (one) => { if (one) { handle(one)?.focus({ preventScroll: true }); one.scrollIntoView({ block: "nearest" }); } };
  let waiting = false;

  const step = (by) => {
    const items = all("[data-item]");
    const at = items.indexOf(item());
    go(items[at < 0 ? 0 : Math.min(items.length - 1, Math.max(0, at + by))]);
  };
  // Ctrl Enter presses the button that follows the field, as a finger would.
  const press = (field) => {
    const buttons = Array.from(field.form?.querySelectorAll("button:not([formmethod=dialog])") ?? []);
    const after = buttons.find((one) => field.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
    (after ?? buttons[0])?.click();
  };
  // An element with data-key is clicked, or focused when it is a field: that of the item one is
  // in, or one that is marked as the page's own.
  const act = (name) => {
    const key = `[data-key="${CSS.escape(name)}"]`;
    const found = item()?.querySelector(key) ?? document.querySelector(`[data-global]${key}`);
    if (!found || found.disabled) return false;
    if (found.matches(FIELD)) found.focus();
    else { if (found.matches("summary")) found.focus(); found.click(); }
    return true;
  };

  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) {
      if (!e.altKey && e.key === "Enter" && e.target.form && e.target.matches(FIELD)) { e.preventDefault(); press(e.target); }
      return;
    }
    if (e.key === "Escape" && typing(e) && !e.target.closest("dialog")) {
      e.target.closest('[tabindex="-1"]')?.focus({ preventScroll: true });
      return;
    }
    if (typing(e)) return;
    if (waiting) {
      waiting = false;
      const to = document.querySelector(`a[data-go="${CSS.escape(e.key)}"]`);
      if (to) { e.preventDefault(); to.click(); }
      return;
    }
    if (e.key === "g") waiting = true;
    else if (e.key === "?") document.getElementById("keys")?.showModal();
    else if (e.key === "j") step(1);
    else if (e.key === "k") step(-1);
    else if (!(e.key === "Enter" && e.target === item() ? act("e") : e.key.length === 1 && act(e.key))) return;
    e.preventDefault();
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

  // A choice that is acted on at once.
  all("select[data-go]").forEach((one) => one.addEventListener("change", () => one.form.requestSubmit()));
  // Leaving with words that were not kept asks once.
  const edited = () => all("form[data-keep]").some((form) => form.dataset.dirty);
  document.addEventListener("input", (e) => { const form = e.target.closest("form[data-keep]"); if (form) form.dataset.dirty = "1"; });
  // A form is sent once, and its button says that something is under way.
  document.addEventListener("submit", (e) => {
    delete e.target.dataset.dirty;
    if (e.target.method === "dialog") return;
    if (e.target.dataset.sent) e.preventDefault();
    e.target.dataset.sent = "1";
    e.submitter?.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelectorAll("[aria-busy]").forEach((one) => one.removeAttribute("aria-busy"));
  }));
  window.addEventListener("beforeunload", (e) => { if (edited()) e.preventDefault(); });

  // Where one was: the item that the address names after a change, and the block that is written in.
  let seen = null;
  document.addEventListener("focusin", (e) => {
    const block = e.target.closest("[data-block]");
    if (!block || block === seen) return;
    seen = block;
    block.closest("form").elements.at.value = block.dataset.block;
    all("[data-block]").forEach((one) => one.classList.toggle("on", one === block));
    block.dispatchEvent(new Event("look"));
  });
  const named = document.getElementById(location.hash.slice(1));
  if (named?.matches("[data-item]")) go(named);
  // A piece of a page that comes anew keeps the focus that was in it.
  let lost = "";
  document.addEventListener("htmx:beforeSwap", (e) => { lost = e.detail.target.contains(document.activeElement) ? e.detail.target.id : ""; });
  document.addEventListener("htmx:afterSettle", () => {
    if (lost && document.activeElement === document.body) document.getElementById(lost)?.focus({ preventScroll: true });
    lost = "";
  });
})();
