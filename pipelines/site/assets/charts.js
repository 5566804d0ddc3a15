// Draws every chart of the page with plotly; until then, and on paper, its image stands there.
(function () {
  "use strict";
  var phone = window.matchMedia("(max-width: 959px)");
  var charts = Array.prototype.map.call(document.querySelectorAll("figure .chart"), function (place) {
    var data = JSON.parse(place.parentNode.querySelector("script").textContent);
    return { place: place, data: data };
  });

  function draw(chart) {
    var figure = phone.matches && chart.data.narrow || chart.data.wide;
    chart.place.classList.add("drawn");
    window.Plotly.react(chart.place, figure.data, figure.layout, chart.data.config);
  }

  document.documentElement.classList.add("live");
  charts.forEach(draw);
  phone.addEventListener("change", function () { charts.forEach(draw); });
})();
