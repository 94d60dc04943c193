// Frames as text: what the editor sends is taken literally, what comes is taken apart for showing.

// parse takes one whole frame without its NUL apart. Lines may end in CR LF.
export function parse(text) {
  const at = text.search(/\r?\n\r?\n/);
  const head = at < 0 ? text : text.slice(0, at);
  const body = at < 0 ? "" : text.slice(at).replace(/^\r?\n\r?\n/, "");
  const [command, ...lines] = head.split(/\r?\n/);
  const headers = lines.filter(line => line !== "").map(line => {
    const colon = line.indexOf(":");
    return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1)];
  });
  return { command, headers, body };
}

// unescape undoes what STOMP 1.1 and 1.2 do to header values; 1.0 has no escapes.
export function unescape(text, version) {
  if (version === "1.0") return text;
  return text.replace(/\\[cnr\\]/g, two => ({ "\\c": ":", "\\n": "\n", "\\r": "\r", "\\\\": "\\" })[two]);
}

export function header(frame, name) {
  const found = frame.headers.find(([n]) => n === name);
  return found && found[1];
}

// split takes a stream of text apart at NULs; octets of a content-length are honoured. It returns the frames that are
// whole, and the rest. A heart-beat is an empty string.
export function split(text) {
  const frames = [];
  let rest = text;
  while (rest !== "") {
    const beat = rest.match(/^(\r?\n)+/);
    if (beat) {
      frames.push("");
      rest = rest.slice(beat[0].length);
      continue;
    }
    const end = endOf(rest);
    if (end < 0) break;
    frames.push(rest.slice(0, end));
    rest = rest.slice(end + 1);
  }
  return { frames, rest };
}

// endOf finds the NUL that ends the first frame, or -1.
function endOf(text) {
  const head = text.match(/^[^\0]*?\r?\n\r?\n/);
  const length = head && head[0].match(/^content-length:(\d+)\r?$/m);
  if (length) {
    const from = head[0].length;
    const octets = new TextEncoder().encode(text.slice(from));
    const wanted = Number(length[1]);
    if (octets.length < wanted + 1) return -1;
    return from + new TextDecoder().decode(octets.slice(0, wanted)).length;
  }
  return text.indexOf("\0");
}
