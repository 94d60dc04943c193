// A line chart that keeps the last five minutes.

const span = 300; // points, one a second

export class Chart {
  constructor(svg, classes) {
    this.svg = svg;
    this.series = classes.map(name => ({ name, points: [] }));
  }

  add(values) {
    values.forEach((v, i) => {
      const points = this.series[i].points;
      points.push(v);
      if (points.length > span) points.shift();
    });
    if (this.svg.clientWidth > 0) this.draw();
  }

  draw() {
    const width = this.svg.clientWidth, height = this.svg.clientHeight, left = 52, bottom = 18;
    const most = Math.max(1, ...this.series.flatMap(s => s.points));
    const top = niceCeiling(most);
    const x = i => left + (width - left) * (span - this.series[0].points.length + i) / (span - 1);
    const y = v => 8 + (height - 8 - bottom) * (1 - v / top);
    const parts = [];
    for (const share of [0, 0.5, 1]) {
      const v = top * share;
      parts.push(`<line class="grid" x1="${left}" x2="${width}" y1="${y(v)}" y2="${y(v)}"/>`,
        `<text x="${left - 6}" y="${y(v) + 4}" text-anchor="end">${short(v)}</text>`);
    }
    parts.push(`<text x="${left}" y="${height - 4}">5 min ago</text><text x="${width - 4}" y="${height - 4}" text-anchor="end">now</text>`);
    this.series.forEach((s, n) => {
      if (s.points.length === 0) return;
      const path = s.points.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
      if (n === 0) parts.push(`<polygon class="area" points="${x(0).toFixed(1)},${y(0)} ${path} ${x(s.points.length - 1).toFixed(1)},${y(0)}"/>`);
      parts.push(`<polyline class="line ${s.name}" points="${path}"/>`);
    });
    this.svg.innerHTML = parts.join("");
  }
}

function niceCeiling(v) {
  const unit = 10 ** Math.floor(Math.log10(v));
  return [1, 2, 5, 10].map(f => f * unit).find(c => c >= v);
}

export function short(v) {
  for (const [unit, name] of [[1e9, " G"], [1e6, " M"], [1e3, " k"]]) {
    if (v >= unit) return (v / unit).toFixed(v / unit < 10 ? 1 : 0) + name;
  }
  return v < 10 && v % 1 ? v.toFixed(1) : String(Math.round(v));
}

export function bytes(v) {
  for (const [unit, name] of [[1 << 30, " GiB"], [1 << 20, " MiB"], [1 << 10, " KiB"]]) {
    if (v >= unit) return (v / unit).toFixed(v / unit < 10 ? 1 : 0) + name;
  }
  return v + " B";
}
