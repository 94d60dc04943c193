// The frame editor: a WebSocket of its own, what a person types, and a card for every frame in either direction.

import { header, parse, split, unescape } from "./frame.js";

const most = 200; // cards that are kept

const templates = {
  CONNECT: "CONNECT\naccept-version:1.0,1.1,1.2\nhost:{host}\nheart-beat:0,0\n\n",
  SUBSCRIBE: "SUBSCRIBE\nid:{next}\ndestination:/topic/news\nack:auto\nreceipt:subscribed\n\n",
  SEND: "SEND\ndestination:/topic/news\ncontent-type:text/plain\nreceipt:sent\n\nHello",
  ACK: "ACK\nid:{ack}\n\n",
  NACK: "NACK\nid:{ack}\n\n",
  UNSUBSCRIBE: "UNSUBSCRIBE\nid:1\n\n",
  BEGIN: "BEGIN\ntransaction:tx1\n\n",
  COMMIT: "COMMIT\ntransaction:tx1\nreceipt:committed\n\n",
  DISCONNECT: "DISCONNECT\nreceipt:bye\n\n",
};

export class Frames {
  constructor(page) {
    this.page = page;
    this.version = "1.0";
    this.next = 1;
    this.ack = "";
    const url = new URL(location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.search = url.hash = "";
    page.url.value = url.href;
    page.frame.value = this.fill("CONNECT");
    page.connect.onclick = () => this.connect();
    page.disconnect.onclick = () => this.socket.close(1000);
    page.clear.onclick = () => { page.cards.replaceChildren(); page.none.hidden = false; };
    page.editor.onsubmit = event => { event.preventDefault(); this.send(page.frame.value); };
    page.frame.onkeydown = event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) page.editor.requestSubmit(); };
    for (const button of page.editor.querySelectorAll("[data-template]")) {
      button.onclick = () => { page.frame.value = this.fill(button.dataset.template); page.frame.focus(); };
    }
  }

  fill(name) {
    return templates[name].replace("{host}", location.hostname).replace("{next}", String(this.next)).replace("{ack}", this.ack || "the ack header of a MESSAGE");
  }

  connect() {
    let socket;
    try {
      socket = new WebSocket(this.page.url.value, ["v12.stomp", "v11.stomp", "v10.stomp", "stomp"]);
    } catch (error) {
      this.state(error.message);
      return;
    }
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.rest = "";
    this.opened = false;
    this.state("connecting");
    this.page.connect.disabled = true;
    this.page.disconnect.disabled = false;
    socket.onopen = () => {
      this.opened = true;
      this.state("open, sub-protocol " + (socket.protocol || "none"));
      this.page.send.disabled = false;
      this.page.frame.value = this.fill("CONNECT");
    };
    socket.onmessage = event => this.receive(event.data);
    socket.onclose = event => {
      const why = [event.code, event.reason].filter(Boolean).join(" ");
      this.state(this.opened ? "closed: " + why : "could not connect; the broker's log says why");
      if (this.opened) this.card({ kind: "note", title: "closed", text: why });
      this.page.connect.disabled = false;
      this.page.disconnect.disabled = this.page.send.disabled = true;
    };
  }

  state(text) { this.page.state.textContent = text; }

  send(text) {
    const frame = text.replace(/\0+$/, "");
    this.socket.send(frame + "\0");
    this.show(frame, "sent");
    this.page.note.textContent = "sent";
    const sent = parse(frame);
    if (sent.command === "SUBSCRIBE") this.next++;
  }

  receive(data) {
    const text = typeof data === "string" ? data : new TextDecoder().decode(data);
    const { frames, rest } = split(this.rest + text);
    this.rest = rest;
    for (const frame of frames) {
      if (frame === "") {
        if (this.page.beats.checked) this.card({ kind: "note", title: "heart-beat" });
        continue;
      }
      this.show(frame, "received");
    }
  }

  show(text, direction) {
    const frame = parse(text);
    if (frame.command === "CONNECTED") this.version = header(frame, "version") || "1.0";
    this.ack = header(frame, "ack") || this.ack;
    const kind = direction === "sent" ? "sent" : frame.command === "ERROR" ? "error" : "received";
    this.card({ kind, title: frame.command, frame });
  }

  card({ kind, title, frame, text }) {
    const card = document.createElement("li");
    card.className = "card " + kind;
    const h = document.createElement("h2");
    const time = document.createElement("time");
    time.textContent = new Date().toLocaleTimeString();
    h.append(title + (kind === "sent" ? " →" : ""), time);
    card.append(h);
    if (frame) {
      const dl = document.createElement("dl");
      const plain = ["CONNECT", "STOMP", "CONNECTED"].includes(frame.command);
      for (const [name, value] of frame.headers) {
        const dt = document.createElement("dt"), dd = document.createElement("dd");
        dt.textContent = name;
        dd.textContent = name === "passcode" ? "…" : plain ? value : unescape(value, this.version);
        dl.append(dt, dd);
      }
      card.append(dl);
      if (frame.body !== "") card.append(this.body(frame.body));
      if (kind === "received" && header(frame, "ack")) card.append(this.answers(frame));
    } else if (text) {
      card.append(this.body(text));
    }
    this.page.none.hidden = true;
    this.page.cards.prepend(card);
    while (this.page.cards.children.length > most) this.page.cards.lastChild.remove();
  }

  body(text) {
    const pre = document.createElement("pre");
    pre.textContent = text.length > 20000 ? text.slice(0, 20000) + "\n… " + (text.length - 20000) + " characters more" : text;
    return pre;
  }

  // answers are the buttons that acknowledge a MESSAGE.
  answers(frame) {
    const bar = document.createElement("div");
    bar.className = "bar";
    for (const command of ["ACK", "NACK"]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = command;
      button.onclick = () => {
        this.send(`${command}\nid:${header(frame, "ack")}\n\n`);
        bar.remove();
      };
      bar.append(button);
    }
    return bar;
  }
}
