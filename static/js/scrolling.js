// A table wider than its card scrolls; where nothing in it takes the focus, the keyboard could not move it.
function mark() {
  for (const part of document.querySelectorAll(".table-responsive")) {
    const scrolls = part.scrollWidth > part.clientWidth;
    if (scrolls && !part.hasAttribute("tabindex")) part.tabIndex = 0;
    else if (!scrolls && part.getAttribute("tabindex") === "0" && !part.hasAttribute("role")) part.removeAttribute("tabindex");
  }
}

// On a phone not all tabs fit: the one that is open must be among those seen.
function showTab() {
  const bar = document.querySelector(".tab-bar");
  const active = bar?.querySelector(".active");
  if (!active) return;
  const [outer, inner] = [bar.getBoundingClientRect(), active.getBoundingClientRect()];
  if (inner.left < outer.left || inner.right > outer.right) bar.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
}

document.addEventListener("htmx:afterSettle", mark);
window.addEventListener("resize", mark);
mark();
showTab();
