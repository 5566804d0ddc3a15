// Finds municipalities, areas and KPIs by any part of their names, in the list that search_index.js holds.
(function () {
  "use strict";
  var most = 12;
  var box = document.querySelector(".search");
  var input = document.getElementById("search");
  var found = document.getElementById("found");
  var howMany = document.getElementById("how-many");
  var root = document.body.dataset.root;
  var entries = window.searchIndex.map(function (entry) {
    return { name: entry[0], kind: entry[1], path: entry[2], text: plain(entry.join(" ")) };
  });

  function plain(text) {
    return text.toLocaleLowerCase("sv").normalize("NFD").replace(/[\u0300-\u036f]/g, "");
  }

  function show() {
    var words = plain(input.value).split(/\s+/).filter(Boolean);
    var hits = !words.length ? [] : entries.filter(function (entry) {
      return words.every(function (word) { return entry.text.includes(word); });
    });
    var first = plain(input.value).trim();
    hits.sort(function (a, b) {
      return plain(b.name).startsWith(first) - plain(a.name).startsWith(first);
    });
    found.replaceChildren.apply(found, hits.slice(0, most).map(function (hit) {
      var item = document.createElement("li");
      var link = document.createElement("a");
      link.href = root + hit.path;
      link.textContent = hit.name;
      var kind = document.createElement("span");
      kind.className = "small";
      kind.textContent = " " + hit.kind;
      item.append(link, kind);
      return item;
    }));
    howMany.textContent = !words.length ? "" :
      !hits.length ? "Inget hittades. Pröva en del av namnet." :
      hits.length > most ? hits.length + " träffar, de " + most + " första visas." :
      hits.length + (hits.length === 1 ? " träff." : " träffar.");
  }

  box.hidden = false;
  input.addEventListener("input", show);
  input.addEventListener("keydown", function (event) {
    var links = found.querySelectorAll("a");
    if (event.key === "Enter" && links.length) { links[0].click(); }
    if (event.key === "ArrowDown" && links.length) { event.preventDefault(); links[0].focus(); }
    if (event.key === "Escape") { input.value = ""; show(); }
  });
  found.addEventListener("keydown", function (event) {
    var links = Array.prototype.slice.call(found.querySelectorAll("a"));
    var at = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown" && at < links.length - 1) { event.preventDefault(); links[at + 1].focus(); }
    if (event.key === "ArrowUp") { event.preventDefault(); (links[at - 1] || input).focus(); }
    if (event.key === "Escape") { input.focus(); }
  });
})();
