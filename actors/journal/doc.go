// Package journal keeps what was sent to destinations in files, and reads it back. It knows nothing of the broker.
//
// # Use
//
//	w := journal.NewWriter(journal.Options{Directory: "/var/lib/stampede/journal", FileBytes: 64 << 20})
//	err := w.Append(now, &journal.Record{Time: now, Destination: "/topic/a", ID: "1", Body: body})
//	…
//	errs := w.Close()
//
//	files, err := journal.Files("/var/lib/stampede/journal")
//	err = journal.Read(files, journal.Query{}, func(r *journal.Record) error { … })
//
// # Files
//
// Each destination has a directory of its own under Options.Directory, with files that are begun one after another:
//
//	%2Ftopic%2Fa/20260102T150405.000Z-000.journal
//
// A file is appended to and never changed. A new one is begun with the process, when one is large or old enough, and after a
// failure. The oldest ones are removed. The name of the directory is that of the destination with %XX for whatever is no
// letter, digit, - or _; if it is long its end is a hash. What counts is the name in the file.
//
// # Format
//
// A file is the eight octets "SJOURNAL" and then records:
//
//	record  = length(4) checksum(4) payload      ; numbers are little-endian; CRC-32C of the payload
//	payload = %x01 version(1) time(8) name       ; the first record: the destination's name, to the end
//	        / %x02 time(8) text count *( text text ) body
//	                                             ; a message: its id, so many header lines, and the body to the end
//	text    = length octets                      ; the length is a varint, as are counts
//	time    = nanoseconds since 1970
//
// # Damage
//
// A crash can cut off the end of the newest file, or leave zeros there. A reader stops in front of that and says how much it
// left: [Reader.Left]. Damage anywhere else is a [CorruptError], with the place; [Read] goes on with the next file then.
//
// # Failures
//
// A Writer that can't write loses records and says how many: [WriteError]. It cuts off what was written in part, and tries
// again after RetryAfter, with a new file. So what is in the files is whole, whatever happens.
//
// # Concurrency
//
// A Writer is for one goroutine at a time. Files may be read while they are written; what is in the writer's buffer is not
// there yet. Nothing here reads a clock: the time comes with each call.
//
// # Testing
//
// Files are cut off at every octet and damaged at every octet; the reader is fuzzed. A disk that is full is a device that is.
package journal
