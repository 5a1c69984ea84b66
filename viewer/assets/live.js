// Pages work without this. It asks for the page again once the log has grown, and puts the new content in the place of
// the old, so that lists stay as the log is. No markup is made here: all of it comes from the server, escaped there.
"use strict";
(() => {
  const quiet = 700; // milliseconds: what comes together is shown together
  const share = 10; // the page is asked for at most a tenth of the time, however much comes
  const main = () => document.getElementById("main");
  const said = (text) => { const at = document.getElementById("live"); if (at) at.textContent = text; };
  let due = 0;
  let asking = false;
  let took = 0;
  let again = false;

  async function refresh() {
    if (asking) { again = true; return; }
    asking = true;
    const began = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (!answer.ok) { said("The page could not be brought up to date."); return; }
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = next.getElementById("main");
      const old = main();
      if (!fresh || fresh.innerHTML === old.innerHTML || old.contains(getSelection().anchorNode) && !getSelection().isCollapsed) return;
      const focused = document.activeElement && old.contains(document.activeElement) ? place(document.activeElement) : null;
      const open = [...old.querySelectorAll("details[open]")].map((d) => d.parentElement.id);
      const scrolled = [...old.querySelectorAll(".scroll")].map((s) => s.scrollLeft);
      old.replaceChildren(...document.adoptNode(fresh).childNodes);
      if (!fresh.dataset.polls) delete old.dataset.polls;
      open.forEach((id) => { const d = id && document.getElementById(id)?.querySelector("details"); if (d) d.open = true; });
      old.querySelectorAll(".scroll").forEach((s, i) => { s.scrollLeft = scrolled[i] || 0; });
      if (focused) old.querySelector(focused)?.focus({ preventScroll: true });
      said("Live; brought up to date at " + new Date().toISOString().slice(11, 19) + ".");
    } catch {
      said("The service cannot be reached; this page may be old.");
    } finally {
      asking = false;
      took = performance.now() - began;
      if (again) { again = false; soon(); }
    }
  }

  // place is how an element is found again in the same page.
  function place(element) {
    if (element.id) return "#" + CSS.escape(element.id);
    const href = element.getAttribute("href");
    return href ? element.tagName + "[href=" + JSON.stringify(href) + "]" : null;
  }

  // soon asks for the page a little later, also where more comes all the time.
  function soon() {
    if (due) return;
    due = setTimeout(() => { due = 0; refresh(); }, Math.max(quiet, share * took));
  }

  if (main().dataset.polls) {
    const turn = setInterval(() => { if (main().dataset.polls) refresh(); else clearInterval(turn); }, 1000);
  }
  const where = main().dataset.live;
  if (!where || !window.EventSource) return;
  let lost = true; // the log may have grown since the page was made
  const stream = new EventSource(where);
  stream.addEventListener("open", () => { if (lost) soon(); lost = false; said("Live."); });
  stream.addEventListener("change", soon);
  stream.addEventListener("error", () => {
    lost = true;
    said(stream.readyState === EventSource.CLOSED ? "Not live: reload to see what is new." : "Connecting again …");
  });
  addEventListener("pagehide", () => stream.close());
})();
