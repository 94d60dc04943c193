// Package stompwire reads and writes STOMP 1.0, 1.1 and 1.2. It knows frames, not
// what they mean, and imports nothing but the standard library.
//
// # Use
//
// A [Decoder] turns what a connection delivers, in whatever pieces, into [Frame]
// values. It starts in the CONNECT phase; once a version is agreed on, tell it:
//
//	d := stompwire.NewDecoder(stompwire.DefaultLimits())
//	for {
//		n, err := conn.Read(buf)
//		for p := buf[:n]; len(p) > 0; {
//			var f stompwire.Frame
//			used, ok, err := d.Decode(p, &f)
//			if err != nil {
//				return err // a *SyntaxError; the stream is lost
//			}
//			p = p[used:]
//			if ok {
//				handle(f) // calls d.SetVersion when f is the CONNECT
//			}
//		}
//		…
//	}
//
// [AppendFrame] writes a frame for a reader of a given version, [AppendHeader] one
// line of it. [Negotiate] and [EffectiveHeartBeat] are the arithmetic of CONNECT.
//
// # Grammar
//
// This is what the decoder reads, in the notation of the specification [1.2
// §Augmented BNF]:
//
//	stream       = *EOL *( frame *EOL )
//	frame        = command EOL *( header EOL ) EOL [ body ] NUL
//	command      = "CONNECT" / "STOMP" / "CONNECTED" / "SEND" / "SUBSCRIBE" / "UNSUBSCRIBE"
//	             / "ACK" / "NACK" / "BEGIN" / "COMMIT" / "ABORT" / "DISCONNECT"
//	             / "MESSAGE" / "RECEIPT" / "ERROR"
//	header       = name ":" value
//	name         = 1*( octet but NUL, LF, ":" )  ; nor CR that stands alone, in 1.2
//	value        =  *( octet but NUL, LF )       ; nor CR that stands alone, in 1.2
//	body         = content-length octets         ; if there is that header
//	             / *( octet but NUL )            ; else
//	EOL          = [ CR ] LF
//
// Header lines are then read by version [§Value Encoding]:
//
//	        escapes       undefined escape  blanks around name and value
//	1.0     none          -                 cut off
//	1.1     \n \c \\      error             kept
//	1.2     \r \n \c \\   error             kept
//
// Escapes are those of the version of the connection. CONNECT, STOMP and CONNECTED
// are never escaped, in no version, neither here nor by AppendFrame: a passcode is
// literal. Before SetVersion no frame is unescaped. There too a CONNECT that accepts
// 1.0 at best, or says nothing, and a CONNECTED of such a version are trimmed as 1.0;
// other frames of that phase stay as they are.
//
// # Where this is more, or less, than the specification
//
//   - CRLF ends a line in every version, in CONNECT too, when nobody knows the
//     version yet. In 1.1 the CR would be the last octet of the value. [1.1
//     §Augmented BNF]
//   - A CR inside of a line, before anything but LF, is kept in 1.0, in 1.1 and in
//     CONNECT, STOMP and CONNECTED. 1.2 does not allow it, and has an escape for it:
//     an error. A CR between frames is an error without its LF. [1.2 §Augmented BNF]
//   - A colon in a value need not be escaped; it is, when we write. [1.2 §Augmented
//     BNF]
//   - A NUL in the command or a header line is an error at once, though the grammar
//     has it for an octet like others: it is the end of a frame whose blank line was
//     forgotten, and would make the reader wait for ever. [1.2 §STOMP Frames]
//   - Header lines should be UTF-8. That is not checked; what came is what is
//     forwarded, octet by octet. [1.2 §STOMP Frames]
//   - A body is an error on anything but SEND, MESSAGE and ERROR, in 1.0 as well;
//     content-length:0 is none. [1.2 §Body]
//   - content-length has digits and nothing else, so no sign and (above 1.0) no
//     blank; its value is the number of octets, after which a NUL must come. Of
//     several the first counts, as with every header, and all stay in the list. [1.2
//     §Header content-length]
//   - An unknown command is an error with its first octet that fits none: nobody has
//     to send a whole line to learn that this is not the protocol. [1.2 §Augmented
//     BNF]
//   - A pair of heart-beats and the entries of accept-version may have blanks around
//     them. [1.2 §Heart-beating, §Protocol Negotiation]
//
// When writing:
//
//   - Octets that a version has no escape for are replaced, in a value by a space, in
//     a name by an underscore, so that no header can begin another line or frame: NUL
//     always, CR below 1.2, LF (and the colon of a name) in 1.0. The same goes for
//     CONNECT, STOMP and CONNECTED. A 1.0 or 1.1 reader never gets a CR from us,
//     though 1.1 would allow one inside of a line: readers differ on what it is.
//   - MESSAGE always has content-length, and so has every frame whose body contains a
//     NUL. One that is wrong is put right; a second one is left out.
//   - Lines end in LF, and nothing follows the NUL. Where clients want a line end there,
//     whoever writes the stream adds it.
//
// # Limits
//
// [Limits] bound one frame: header lines, the length of each, of command and header
// lines together, and of the body. Lengths are those on the wire, before unescaping.
// A limit is checked before the memory it bounds is taken, and the [SyntaxError]
// names it and its value. There is always one: a field that is 0 is the default.
//
// # Concurrency
//
// A Decoder belongs to one goroutine at a time. Everything else is a function of its
// arguments. A Frame is shared freely as long as nobody writes to it; AppendFrame and
// EnsureContentLength do not write to the Header or Body they are given.
//
// # Guarantees
//
// The same octets give the same frames, the same error at the same offset and the
// same count of heart-beats, however they are split. (Only how much of an unknown
// command is quoted depends on how much has arrived.) Of several
// lines at fault the first is reported. Frames before a fault are given out first.
//
// For an unfinished frame a decoder holds at most twice what has arrived of it and a
// constant (four times from a MiB on), and never more than twice the limits, whatever
// content-length claims. Between frames it holds nothing.
//
// A frame refers to no memory but its own: not to what was passed to Decode, not to
// another frame. Its strings and a body below 4 KiB may share one allocation, so keep
// a name for long (in a table of subscriptions, say) as a [strings.Clone]. A longer
// body stands alone. A SEND of 256 octets costs one allocation if it is whole in what
// was read. Only a frame of DecodeShared is Shared: part of what was passed, for who gives
// that up and is soon done with the frames.
//
// What AppendFrame writes for a version, a decoder of that version reads back, as the
// same frame but for the replacements above.
//
// Printing or logging a Frame, a Header or a Field by fmt or slog, or a Frame as JSON,
// shows neither bodies nor the values of headers whose name contains passcode,
// password, authorization, secret or token. But fmt cannot ask a value in an
// unexported field of somebody else's struct: log frames as attributes of their own.
// No error text quotes a header value.
//
// # Debugging
//
// The offset in a SyntaxError counts octets from the beginning of the stream, for a
// look at a capture of the connection; the clause is where to look in the
// specification. Partial says whether a peer that has gone silent owes us the rest of
// a frame. [Frame.String] is the short form for a log line.
//
// # Testing
//
// Package wiretest has the case table: a new rule is an entry there before it is
// code. The tests here read every case in every split. FuzzDecode, FuzzSplit and
// FuzzRoundTrip look for what nobody thought of:
//
//	go test -fuzz FuzzSplit -fuzztime 1m ./stompwire
//
// What they found, and what they start from besides the table, is in testdata/fuzz.
// Benchmarks:
//
//	go test -run - -bench . -cpu 1 ./stompwire
package stompwire
