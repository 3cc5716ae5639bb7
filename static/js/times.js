// Keeps "4 min ago" true while a page stays open; the words are those of core.render.since_words.
function words(seconds) {
  const distance = Math.abs(seconds);
  let amount = `${Math.floor(distance)} s`;
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (distance >= length) {
      amount = `${Math.floor(distance / length)} ${unit}`;
      break;
    }
  }
  return seconds >= 0 ? `${amount} ago` : `in ${amount}`;
}

// A reader's clock may be wrong by minutes; the page's own moment is the server's.
const skew = Date.now() - Date.parse(document.documentElement.dataset.now || new Date().toISOString());

function refresh() {
  const now = Date.now() - skew;
  document.querySelectorAll("time[data-since]").forEach((element) => {
    element.textContent = words((now - Date.parse(element.dateTime)) / 1000);
  });
}
setInterval(refresh, 5000);
