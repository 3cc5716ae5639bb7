// A table wider than its card scrolls; where nothing in it takes the focus, the keyboard could not move it.
function mark() {
  for (const part of document.querySelectorAll(".table-responsive")) {
    const scrolls = part.scrollWidth > part.clientWidth;
    if (scrolls && !part.hasAttribute("tabindex")) part.tabIndex = 0;
    else if (!scrolls && part.getAttribute("tabindex") === "0" && !part.hasAttribute("role")) part.removeAttribute("tabindex");
  }
}

document.addEventListener("htmx:afterSettle", mark);
window.addEventListener("resize", mark);
mark();
