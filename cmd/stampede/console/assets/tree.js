// The supervision tree: nodes are kept by path over updates, so that what a person has opened stays open. A node is an
// actors.Node: its names and states are explained there.

export class Tree {
  constructor(place) {
    this.place = place;
    this.rows = new Map(); // path → {row, item, list, open, incarnation, failures}
  }

  update(root) {
    this.seen = new Set();
    if (!this.list) {
      this.list = document.createElement("ul");
      this.place.replaceChildren(this.list);
    }
    this.arrange(this.list, [root], 0, "");
    for (const [path, node] of this.rows) {
      if (!this.seen.has(path)) {
        node.item.remove();
        this.rows.delete(path);
      }
    }
    return this.seen.size;
  }

  arrange(list, nodes, depth, above) {
    nodes.forEach((data, i) => {
      const node = this.node(data, depth, above + "/" + data.name);
      if (list.children[i] !== node.item) list.insertBefore(node.item, list.children[i] || null);
    });
  }

  node(data, depth, path) {
    this.seen.add(path);
    let node = this.rows.get(path);
    const children = data.children || [];
    if (!node) {
      node = { item: document.createElement("li"), row: document.createElement("span") };
      node.row.className = "row";
      node.name = span("name");
      node.state = span("state");
      node.facts = span("quiet");
      node.row.append(node.state, node.name, node.facts);
      node.incarnation = data.incarnation;
      this.rows.set(path, node);
    }
    if (children.length > 0 && !node.list) {
      node.list = document.createElement("ul");
      const open = document.createElement("details");
      open.open = depth < 2;
      const summary = document.createElement("summary");
      summary.append(node.row);
      open.append(summary, node.list);
      node.item.replaceChildren(open);
      node.item.className = "";
    } else if (children.length === 0 && (node.list || !node.item.firstChild)) {
      node.list = null;
      node.item.replaceChildren(node.row);
      node.item.className = "leaf";
    }
    node.name.textContent = data.name;
    node.name.title = path;
    node.state.textContent = data.role;
    node.state.className = "state " + (data.state !== "running" ? data.state : data.failures > 0 ? "failed" : "running");
    node.facts.textContent = facts(data, children);
    if (data.incarnation > node.incarnation) {
      node.row.classList.remove("flash");
      void node.row.offsetWidth; // lets the animation begin anew
      node.row.classList.add("flash");
    }
    node.incarnation = data.incarnation;
    if (node.list) this.arrange(node.list, children, depth + 1, path);
    return node;
  }
}

function span(name) {
  const s = document.createElement("span");
  s.className = name;
  return s;
}

function facts(data, children) {
  const parts = [];
  if (data.about) parts.push(data.about);
  if (children.length > 0) parts.push(children.length + (children.length === 1 ? " child" : " children"));
  if (data.hidden > 0) parts.push(data.hidden + " more not shown");
  if (data.incarnation > 1) parts.push("incarnation " + data.incarnation);
  if (data.mailbox > 0) parts.push(data.mailbox + " waiting");
  if (data.state === "restarting" && data.backoff) parts.push("again in " + Math.ceil(data.backoff_ns / 1e6) + " ms");
  if (data.cause) parts.push(data.cause);
  return parts.join(" · ");
}
