// Package selector reads and evaluates the selectors of SUBSCRIBE: conditions on the headers of messages, in the part of
// SQL-92 that JMS defines. It knows nothing of the broker and imports nothing but the standard library.
package selector
