// Package selector reads and evaluates the selectors of SUBSCRIBE: conditions on the headers of messages, in the part of
// SQL-92 that JMS defines [JMS §Message Selector]. It knows nothing of the broker and imports nothing but the standard
// library.
//
// # Use
//
//	s, err := selector.Parse("type = 'order' AND amount > 100")
//	if err != nil {
//		return err // a *SyntaxError: where, what was expected, what stood there
//	}
//	if s.Matches(header.Get) {
//		deliver()
//	}
//
// A selector is checked once, when it is parsed, its types too; afterwards nothing can go wrong. The lookup that Matches is
// given names headers as STOMP does and should know those that the broker adds, such as message-id.
//
// # Grammar
//
// Keywords are not case sensitive; names and strings are. Blanks are space, tab, LF, CR and form feed.
//
//	selector    = [ condition ]                        ; without one every message matches
//	condition   = conjunction *( "OR" conjunction )
//	conjunction = negation *( "AND" negation )
//	negation    = *"NOT" test
//	test        = sum
//	            / sum ( "=" / "<>" / "<" / "<=" / ">" / ">=" ) sum
//	            / sum [ "NOT" ] "BETWEEN" sum "AND" sum
//	            / name [ "NOT" ] "IN" "(" string *( "," string ) ")"
//	            / name [ "NOT" ] "LIKE" string [ "ESCAPE" string ]
//	            / name "IS" [ "NOT" ] "NULL"
//	sum         = product *( ( "+" / "-" ) product )
//	product     = signed *( ( "*" / "/" ) signed )
//	signed      = *( "+" / "-" ) primary
//	primary     = name / string / number / "TRUE" / "FALSE" / "(" condition ")"
//
//	name    = letter *( letter / digit )               ; of Unicode; _, $ and other currency signs are letters
//	        / DQUOTE 1*( any character ) DQUOTE        ; "" within stands for one "
//	string  = "'" *( any character ) "'"               ; '' within stands for one '
//	number  = digits [ "L" ] / "0x" hexdigits [ "L" ]  ; exact; of several digits the first is not 0
//	        / ( digits [ "." [ digits ] ] / "." digits ) [ "E" [ "+" / "-" ] digits ] [ "D" / "F" ]
//	                                                   ; approximate: there is at least one of . E D F
//
// The keywords, which are no names without double quotes, are AND, BETWEEN, ESCAPE, FALSE, IN, IS, LIKE, NOT, NULL, OR, TRUE.
//
// # Names
//
// A name is that of a header. The fields of JMS stand for what JMS says of a message, which is not always the header alone:
//
//	name              header          without the header
//	JMSCorrelationID  correlation-id  NULL
//	JMSDeliveryMode   persistent      'NON_PERSISTENT'; 'PERSISTENT' if the header is true
//	JMSExpiration     expires         0
//	JMSMessageID      message-id      NULL
//	JMSPriority       priority        4
//	JMSReplyTo        reply-to        NULL
//	JMSTimestamp      timestamp       NULL
//	JMSType           type            NULL
//
// Other names that begin with JMS, but with neither JMSX nor JMS_, are refused. In double quotes all of them are headers
// like any other. So are headers that have - or . in their names; that of a known one, such as content-type, is refused
// without the quotes, because as a subtraction it would never match.
//
// # Types
//
// Headers are strings, and become what they are compared with:
//
//	beside                          a header is
//	a number, arithmetic, BETWEEN,  a number, if it is digits with at most a sign, a point and an exponent, and no longer
//	< <= > >=                       than 64 octets; else UNKNOWN
//	a string, IN, LIKE              a string
//	TRUE, FALSE, a condition,       true or false, if it is exactly that; else UNKNOWN
//	AND, OR, NOT, or nothing
//	= or <> and a header            a number if both are numbers, else a string
//
// Strings and conditions are compared with = and <> only. What can't be compared or calculated with is refused by Parse.
//
// Exact numbers are whole ones of 64 bits, all others are approximate, float64. Beside an approximate number an exact one
// becomes approximate. So does a result beyond 64 bits, and a quotient of exact numbers that does not come out even: 5 / 2
// is 2.5. A division by zero, and what is beyond float64, is UNKNOWN; a literal 0 as a divisor is refused.
//
// # Logic
//
// A header that is not there is NULL, an empty one is not. What depends on NULL is UNKNOWN, but for IS NULL. FALSE AND
// UNKNOWN is FALSE, TRUE OR UNKNOWN is TRUE, NOT UNKNOWN is UNKNOWN. x BETWEEN a AND b is x >= a AND x <= b. A message
// matches if the selector is TRUE.
//
// In a pattern of LIKE, % stands for any characters or none and _ for one. The character of ESCAPE makes %, _ and itself
// ordinary; before anything else it is a mistake. An octet of a header that is not UTF-8 is a character of its own.
//
// # Where this is more, or less, than JMS
//
//   - Comparing a string with a number is false in JMS, where properties have types. Here the header "x" compared with 5 is
//     UNKNOWN, so that NOT does not make it match.
//   - Division never truncates, see above: without types it would depend on whether a sender wrote 5 or 5.0.
//   - Sums and products do not wrap around.
//   - A number like 010 is refused. It is octal in Java and decimal in SQL. Binary and hexadecimal approximate literals and _
//     within numbers are refused too.
//   - An exact literal beyond 64 bits is refused, in hexadecimal too, where Java would make it negative.
//   - Conditions can be compared with = and <>, if they stand in parentheses. JMS leaves that open.
//   - JMSExpiration and JMSReplyTo can be used. Characters that Java ignores in names can not.
//   - There are no comments, as in JMS; -- is a sign before a sign.
//
// # Limits
//
// See [MaxLength], [MaxDepth], [MaxNodes] and [MaxWildcards]. Parsing takes time in proportion to the text. Matching takes,
// for each LIKE, time in proportion to the header, times MaxWildcards at the very worst; for anything else at most what it
// takes to compare the header once. Nothing is kept of a message.
//
// # Concurrency
//
// A [Selector] never changes and can be shared. Neither parsing nor matching starts a goroutine or blocks.
//
// # Debugging
//
// [Selector.String] shows, by its parentheses, how a selector was understood.
//
// # Testing
//
// The clauses of JMS are a table. Selectors made at random are compared with a naive evaluator; a failure prints the seed
// that plays it again. Two fuzz targets feed texts to Parse and patterns to LIKE. The benchmarks have the slowest selectors
// that are let through, too.
package selector
