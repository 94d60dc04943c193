package config

import (
	"strings"
	"time"
)

// Config is everything that can be set about a broker. Take one from [Default], [Load] or [Parse]: the zero value is
// not useful, because zero often means "no limit" or "off".
//
// The tags are the schema: toml names the key, min and max bound it (a duration, a size, or a plain number, as the
// field's type says), enum lists the words that are allowed, reload:"restart" marks what a running broker can't take
// over. Relations between fields are in Validate.
type Config struct {
	// Login and Passcode are what every client must present in CONNECT. Both empty: any client is let in.
	Login    string `toml:"login"`
	Passcode Secret `toml:"passcode"`
	// AllowAnonymous lets clients in that show nothing in CONNECT. Without it they are let in only if nobody has to log
	// in, and a broker that other machines can reach does not start so.
	AllowAnonymous bool `toml:"allow_anonymous"`
	// UsersFile has a line for each user: its name, a salted hash, its groups. It is made by "stampede user".
	UsersFile string `toml:"users_file"`
	// Secret signs tokens in the form of xtomp: the login is "user unixSeconds random", the passcode its signature in
	// base64. Empty: there are no such tokens.
	Secret Secret `toml:"secret"`
	// SecretHash is how: sha256 is HMAC-SHA-256, sha1 what xtomp does: SHA-1 of the login and the secret.
	SecretHash string `toml:"secret_hash" enum:"sha256|sha1"`
	// SecretTimeout is how old a token may be when it logs a client in.
	SecretTimeout time.Duration `toml:"secret_timeout" min:"1s" max:"8760h"`
	// SecretSessionTimeout is how long the connection of who came in by such a token may last; 0: as long as it likes.
	SecretSessionTimeout time.Duration `toml:"secret_session_timeout" min:"0s" max:"8760h"`

	// PIDFile is where the broker writes the number of its process, for "stampede reload" and "stampede stop"; empty:
	// nowhere. It is the command's, not that of a broker inside another program.
	PIDFile string `toml:"pid_file" reload:"restart"`

	// AllowFaults lets faults be injected: without it a schedule of faults is refused.
	AllowFaults bool `toml:"allow_faults" reload:"restart"`

	Listen       []Listen      `toml:"listen"`
	Log          Log           `toml:"log"`
	HeartBeat    HeartBeat     `toml:"heartbeat"`
	Session      Session       `toml:"session"`
	Limits       Limits        `toml:"limits"`
	Topics       Topics        `toml:"topics"`
	Queues       Queues        `toml:"queues"`
	Destinations Destinations  `toml:"destinations"`
	Destination  []Destination `toml:"destination"`
	Supervision  Supervision   `toml:"supervision"`
	Console      Console       `toml:"console"`
	Shutdown     Shutdown      `toml:"shutdown"`
	Control      Control       `toml:"control"`
	Stats        Stats         `toml:"stats"`
	Journal      Journal       `toml:"journal"`
	Access       Access        `toml:"access"`
	JWT          JWT           `toml:"jwt"`
	Rights       []Rights      `toml:"rights"`
}

// Listen is one address that clients can connect to, with what may be spoken there. [Listen.Endpoints] turns the
// address into what the operating system is asked for, [Listen.TLS] the certificate files into a TLS set-up.
type Listen struct {
	// Name appears in logs and metrics. Unset, it is the address.
	Name string `toml:"name"`
	// Address is "host:port", ":port" for every interface, "localhost:port" for both loopback addresses (IPv4 and
	// IPv6), or "unix:/path". Port 0 lets the operating system choose.
	Address string `toml:"address"`

	// STOMP, WebSockets and HTTP say which protocols the first bytes of a connection may ask for. HTTP is the health
	// check and the page at "/"; it can be off while WebSockets is on.
	STOMP      bool `toml:"stomp"`
	WebSockets bool `toml:"websockets"`
	HTTP       bool `toml:"http"`
	// WebSocketsOrigin lists the origins of web pages that may connect, besides pages of this very host and port:
	// "https://shop.example", "https://*.shop.example" or "*". Clients that send no Origin are always allowed.
	WebSocketsOrigin []string `toml:"websockets_origin"`

	// TrustedProxies are the networks ("10.0.0.0/8"), addresses, or "unix" for the other end of a Unix socket, whose word
	// counts about where a client comes from. ProxyProtocol demands that they say it by the PROXY protocol; nobody else may
	// connect then. Without it WebSocket upgrades from there are believed their ForwardedHeader.
	TrustedProxies  []string `toml:"trusted_proxies"`
	ProxyProtocol   bool     `toml:"proxy_protocol"`
	ForwardedHeader string   `toml:"forwarded_header" enum:"X-Forwarded-For|Forwarded"`

	// TLSCert and TLSKey are PEM files. With them TLS is told apart by its first byte on the same port.
	TLSCert string `toml:"tls_cert"`
	TLSKey  string `toml:"tls_key"`
	// TLSClientCA is a PEM file of authorities; set, TLS clients show a certificate that one of them signed: they must,
	// or they may, as TLSClientAuth says.
	TLSClientCA   string `toml:"tls_client_ca"`
	TLSClientAuth string `toml:"tls_client_auth" enum:"required|optional"`
	// TLSClientUser says which part of the certificate is the name of the user that it logs in.
	TLSClientUser CertificateUser `toml:"tls_client_user" enum:"none|cn|dns|email|uri"`
	// TLSOnly refuses clients that do not begin with TLS.
	TLSOnly bool `toml:"tls_only"`
	// TLSMinVersion is the oldest TLS version that is accepted.
	TLSMinVersion string `toml:"tls_min_version" enum:"1.2|1.3"`

	// UnixMode is the permission of a Unix socket's file, in octal, as chmod takes it.
	UnixMode string `toml:"unix_mode"`

	// Web marks a listener for the open web: web_read_block and web_write_block of a destination hold there, as they do
	// for every WebSocket. Trusted marks one for bridges between brokers: a SEND there keeps its own message-id.
	Web     bool `toml:"web"`
	Trusted bool `toml:"trusted"`
}

// Log says what is logged and how. Logs go to the standard error.
type Log struct {
	Level  string `toml:"level" enum:"debug|info|warn|error"`
	Format string `toml:"format" enum:"auto|text|json"` // auto: text on a terminal, JSON else
}

// HeartBeat is what the broker offers in CONNECTED. By STOMP's rule the interval in force is the longer of what one
// side offers and the other asks for, so these two are also the shortest intervals that can be negotiated.
type HeartBeat struct {
	// Send is how often the broker can send a heart-beat; 0: never.
	Send time.Duration `toml:"send" min:"0s" max:"24h"`
	// Receive is how often the broker would like one; 0: it does not care.
	Receive time.Duration `toml:"receive" min:"0s" max:"24h"`
	// Max is the longest interval that may come out of the negotiation; 0: any. The broker sends at least this often
	// though the client asked for less, and refuses a client that offers to send less often.
	Max time.Duration `toml:"max" min:"0s" max:"24h"`
	// Tolerance times the interval is how long a silent client counts as alive.
	Tolerance float64 `toml:"tolerance" min:"1" max:"100"`
}

// Session is about one client's connection.
type Session struct {
	// LoginTimeout runs from accept to CONNECTED (TLS and WebSocket handshakes included).
	LoginTimeout time.Duration `toml:"login_timeout" min:"100ms" max:"1h"`
	// IdleTimeout is how long a connection may stay without a frame in either direction, heart-beats not counted; 0: for
	// ever. It is looked at four times within.
	IdleTimeout time.Duration `toml:"idle_timeout" min:"0s" max:"8760h"`
	// FrameTimeout is the time within which a frame that was begun has to end or to grow by 16 KiB.
	FrameTimeout time.Duration `toml:"frame_timeout" min:"100ms" max:"1h"`
	// Linger is how long a closing connection is kept so that the client can read its last frames.
	Linger time.Duration `toml:"linger" min:"0s" max:"1m"`
	// DefaultPrefetch bounds the messages that a subscription may hold unacknowledged, if it does not say.
	DefaultPrefetch int `toml:"default_prefetch" min:"1" max:"1000000"`
	// MaxPrefetch is the most that a subscription may ask for.
	MaxPrefetch int `toml:"max_prefetch" min:"1" max:"1000000"`
	// MaxRestarts within RestartWindow is how often a failed session is restarted with its socket kept. Then the client
	// gets an ERROR and is disconnected. 0: at the first failure.
	MaxRestarts   int           `toml:"max_restarts" min:"0" max:"1000"`
	RestartWindow time.Duration `toml:"restart_window" min:"1ms" max:"24h"`
}

// Limits is what one client may ask for, and how many clients there may be. A client that goes over a limit gets an
// ERROR that names it.
type Limits struct {
	// ConnectMax… hold until a client is CONNECTED, the others from then on.
	ConnectMaxHeaders          int   `toml:"connect_max_headers" min:"1" max:"100000"`
	ConnectMaxHeaderBytes      Bytes `toml:"connect_max_header_bytes" min:"64B" max:"16MiB"`
	ConnectMaxHeaderBlockBytes Bytes `toml:"connect_max_header_block_bytes" min:"128B" max:"64MiB"`

	// MaxHeaders is the number of header lines of one frame.
	MaxHeaders int `toml:"max_headers" min:"1" max:"100000"`
	// MaxHeaderBytes is the length of one header line as it was sent.
	MaxHeaderBytes Bytes `toml:"max_header_bytes" min:"64B" max:"16MiB"`
	// MaxHeaderBlockBytes is the length of the command and all header lines of a frame.
	MaxHeaderBlockBytes Bytes `toml:"max_header_block_bytes" min:"128B" max:"64MiB"`
	// MaxBodyBytes is the length of a body.
	MaxBodyBytes Bytes `toml:"max_body_bytes" min:"1B" max:"1GiB"`

	MaxSubscriptions int `toml:"max_subscriptions" min:"1" max:"1000000"` // per connection
	// MaxTemporaryDestinations is how many a connection may have at a time; 0: none.
	MaxTemporaryDestinations int   `toml:"max_temporary_destinations" min:"0" max:"1000000"`
	MaxTransactions          int   `toml:"max_transactions" min:"0" max:"100000"`        // open ones, per connection; 0: none may be begun
	MaxTransactionFrames     int   `toml:"max_transaction_frames" min:"1" max:"1000000"` // per connection, all open transactions together
	MaxTransactionBytes      Bytes `toml:"max_transaction_bytes" min:"1KiB" max:"16GiB"` // per connection, all open transactions together

	// MaxConnections is for the whole broker; 0: as many as the operating system gives.
	MaxConnections int `toml:"max_connections" min:"0" max:"100000000"`
	// MaxConnectionsPerAddress is for one IPv4 address, or one IPv6 network of 64 bits; 0: no limit of its own. What is
	// not known to be STOMP yet counts too.
	MaxConnectionsPerAddress int `toml:"max_connections_per_address" min:"0" max:"100000000"`
	// MaxConnectionsPerUser is for everybody who has logged in; 0: no limit of its own.
	MaxConnectionsPerUser int `toml:"max_connections_per_user" min:"0" max:"100000000"`

	// MaxUnacked bounds the messages that all subscriptions of a connection together may hold unacknowledged: their
	// prefetches; 0: no limit of its own.
	MaxUnacked int `toml:"max_unacked" min:"0" max:"1000000000"`

	// What one connection, and all connections of one user together, may send in a second; 0: no bound. Bytes are those
	// of headers and bodies.
	ConnectionMessagesPerSecond int   `toml:"connection_messages_per_second" min:"0" max:"1000000000"`
	ConnectionBytesPerSecond    Bytes `toml:"connection_bytes_per_second" min:"0B" max:"1TiB"`
	UserMessagesPerSecond       int   `toml:"user_messages_per_second" min:"0" max:"1000000000"`
	UserBytesPerSecond          Bytes `toml:"user_bytes_per_second" min:"0B" max:"1TiB"`
	// RateBurst is for how long what is not used is saved up.
	RateBurst time.Duration `toml:"rate_burst" min:"1ms" max:"1h"`
	// RateExceeded says what happens to who sends more.
	RateExceeded RateExceeded `toml:"rate_exceeded" enum:"hold|reject"`

	// InboundWindow is how much of what one client sent may be on its way inside the broker before its socket is no
	// longer read.
	InboundWindow Bytes `toml:"inbound_window" min:"4KiB" max:"1GiB"`
	// Outbox is how much may wait to be written to one client, and how much of what topics sent may wait for
	// acknowledgements of it. Beyond it the slow-consumer policy applies.
	Outbox Bytes `toml:"outbox" min:"64KiB" max:"16GiB"`
}

// RateExceeded says what happens to a client that sends more in a second than it may.
type RateExceeded string

// The policies for clients that send too fast.
const (
	RateHold   RateExceeded = "hold"   // its frames wait until there is room; its socket is read no more than its window holds
	RateReject RateExceeded = "reject" // the client is disconnected with an ERROR
)

// SlowConsumer says what happens to a topic's message for a client whose outbox is full.
type SlowConsumer string

// The policies for slow consumers of topics.
const (
	SlowDisconnect SlowConsumer = "disconnect"  // the client is disconnected with an ERROR
	SlowDropOldest SlowConsumer = "drop_oldest" // messages that wait the longest make room
	SlowDropNewest SlowConsumer = "drop_newest" // the message is not given to that client
)

// Topics holds what is common to all topics.
type Topics struct {
	SlowConsumer SlowConsumer `toml:"slow_consumer" enum:"disconnect|drop_oldest|drop_newest"`
	// NoSubscribers says what a SEND gets when nobody is subscribed.
	NoSubscribers NoSubscribers `toml:"no_subscribers" enum:"drop|reject"`
	// Expiry is how long a message lives that does not say, and the longest that one can ask for; 0: any, and for ever.
	Expiry time.Duration `toml:"expiry" min:"0s" max:"87600h"`
}

// NoSubscribers says what a SEND to a topic gets when nobody is subscribed.
type NoSubscribers string

// What a topic without subscribers does with a message.
const (
	NoSubscribersDrop   NoSubscribers = "drop"   // it is dropped, as it is for every subscriber that is not there
	NoSubscribersReject NoSubscribers = "reject" // the publisher gets an ERROR
)

// QueueFull says what happens to a SEND to a queue that has reached one of its maxima.
type QueueFull string

// The policies for full queues.
const (
	FullHold       QueueFull = "hold"        // the publisher waits, slowed by its own socket, up to hold_timeout
	FullReject     QueueFull = "reject"      // the publisher gets an ERROR
	FullDropOldest QueueFull = "drop_oldest" // the message that has waited the longest makes room
)

// Queues holds what is common to all queues. The maxima are for each queue.
type Queues struct {
	MaxMessages int       `toml:"max_messages" min:"1" max:"1000000000"`
	MaxBytes    Bytes     `toml:"max_bytes" min:"1KiB" max:"1TiB"`
	Full        QueueFull `toml:"full" enum:"hold|reject|drop_oldest"`
	// HoldTimeout is how long a publisher is held before it gets an ERROR; 0: for as long as it takes.
	HoldTimeout time.Duration `toml:"hold_timeout" min:"0s" max:"24h"`
	// MaxDeliveries is how often a message is delivered before it goes to the dead-letter queue; 0: no maximum.
	MaxDeliveries int `toml:"max_deliveries" min:"0" max:"1000000"`
	// DeadLetter is the queue for messages that could not be delivered; empty: they are discarded.
	DeadLetter string `toml:"dead_letter"`
	// Expiry is how long a message lives that does not say, and the longest that one can ask for; 0: any, and for ever.
	Expiry time.Duration `toml:"expiry" min:"0s" max:"87600h"`
}

// DestinationType says how a destination gives out its messages.
type DestinationType string

// The types of destinations.
const (
	TypeQueue DestinationType = "queue" // each message to one consumer; kept while there is none
	TypeTopic DestinationType = "topic" // each message to every subscriber of the moment
)

// Destinations says which destinations there are.
type Destinations struct {
	// AutoCreate makes /queue/… and /topic/… on first use. Without it only those with a block of their own exist.
	AutoCreate bool `toml:"auto_create"`
	// IdleTimeout is how long a destination that was made on first use stays when it is empty and nobody uses it;
	// 0: for ever.
	IdleTimeout time.Duration `toml:"idle_timeout" min:"0s" max:"8760h"`
	// Max is how many destinations made on first use, temporary ones too, there may be at a time; 0: any number.
	Max int `toml:"max" min:"0" max:"100000000"`
}

// Destination is what the file says of one destination, which exists from the start and stays; or, if the name is a
// pattern, of those that are made on first use and match it. What is nil is as [queues] or [topics] have it.
type Destination struct {
	// Name is what clients put in their destination header: any word, or /queue/… or /topic/…. The latter two may have
	// wildcards as in a subscription.
	Name string `toml:"name"`
	// Type may be left out for /queue/… and /topic/….
	Type DestinationType `toml:"type" enum:"queue|topic"`

	// MinDelivery is how many subscribers must have had a message before a topic lets go of it; who subscribes
	// meanwhile gets it. 0: the topic keeps nothing.
	MinDelivery int `toml:"min_delivery" min:"0" max:"1000000"`
	// MaxConnections is how many subscriptions there may be at a time; 0: any number.
	MaxConnections int `toml:"max_connections" min:"0" max:"100000000"`
	// MaxMessages, MaxBytes, Full and HoldTimeout are as in Queues.
	MaxMessages *int           `toml:"max_messages" min:"1" max:"1000000000"`
	MaxBytes    *Bytes         `toml:"max_bytes" min:"1KiB" max:"1TiB"`
	Full        *QueueFull     `toml:"full" enum:"hold|reject|drop_oldest"`
	HoldTimeout *time.Duration `toml:"hold_timeout" min:"0s" max:"24h"`
	// MaxMessageSize is the length of a body; nil: Limits.MaxBodyBytes.
	MaxMessageSize *Bytes `toml:"max_message_size" min:"1B" max:"1GiB"`
	// MaxDeliveries and DeadLetter are as in Queues.
	MaxDeliveries *int    `toml:"max_deliveries" min:"0" max:"1000000"`
	DeadLetter    *string `toml:"dead_letter"`
	// Expiry is as in Queues and Topics.
	Expiry *time.Duration `toml:"expiry" min:"0s" max:"87600h"`
	// SlowConsumer and NoSubscribers are as in Topics.
	SlowConsumer  *SlowConsumer  `toml:"slow_consumer" enum:"disconnect|drop_oldest|drop_newest"`
	NoSubscribers *NoSubscribers `toml:"no_subscribers" enum:"drop|reject"`
	// Filter gives each message only to those who named, in the filter header of their SUBSCRIBE, the value that it has in
	// the header FilterHeader; empty: the header is called filter.
	Filter       bool   `toml:"filter"`
	FilterHeader string `toml:"filter_header"`
	// LogMessages records what is sent here, see Journal.
	LogMessages bool `toml:"log_messages"`
	// WebReadBlock refuses a SUBSCRIBE, WebWriteBlock a SEND, of a client that came by WebSocket or to a listener that is
	// marked as web.
	WebReadBlock  bool `toml:"web_read_block"`
	WebWriteBlock bool `toml:"web_write_block"`
}

// Pattern says that the block is about destinations made on first use.
func (d *Destination) Pattern() bool { return strings.ContainsAny(d.Name, "*#>") }

// Supervision says how the broker's own parts are restarted when they fail: destinations and listeners, for ever, and
// each time later. A session has bounds of its own: Session.MaxRestarts.
type Supervision struct {
	// BackoffMin is the pause before the second restart within Window; the first is at once. It doubles up to BackoffMax
	// with each that follows.
	BackoffMin time.Duration `toml:"backoff_min" min:"1ms" max:"1h"`
	BackoffMax time.Duration `toml:"backoff_max" min:"1ms" max:"1h"`
	// Window is how long a failure is remembered.
	Window time.Duration `toml:"window" min:"1ms" max:"24h"`
}

// Console is the page at / of listeners that serve HTTP. Only the command has it: a program that embeds the broker brings a
// page of its own, if it wants one.
type Console struct {
	// Enabled: without it there is a page that explains the port.
	Enabled bool `toml:"enabled" reload:"restart"`
	// Destination is what one must have the right to read to see how the broker is, by the login of a STOMP client. On the
	// broker's own machine nobody has to log in where STOMP clients need not.
	Destination string `toml:"destination" reload:"restart"`
}

// Stats says whether and where the broker publishes what it does.
type Stats struct {
	Enabled bool `toml:"enabled"`
	// Period is how often.
	Period time.Duration `toml:"period" min:"1s" max:"24h"`
	// Destination is the topic; it exists as long as Enabled is set.
	Destination string `toml:"destination"`
}

// Journal says where and how destinations with log_messages keep what was sent to them.
type Journal struct {
	// Directory has a directory for each of them. It is made when it is needed. Empty: nothing can be recorded.
	Directory string `toml:"directory"`
	// FileBytes and FileAge are when a file is followed by another.
	FileBytes Bytes         `toml:"file_bytes" min:"4KiB" max:"1TiB"`
	FileAge   time.Duration `toml:"file_age" min:"1s" max:"8760h"`
	// MaxFiles and MaxBytes are what is kept of each destination; the oldest files are removed. 0: everything.
	MaxFiles int   `toml:"max_files" min:"0" max:"1000000"`
	MaxBytes Bytes `toml:"max_bytes" min:"0B" max:"1000TiB"`
	// Buffer is how much may wait to be written, of all of them together. What comes beyond that is not recorded.
	Buffer Bytes `toml:"buffer" min:"64KiB" max:"64GiB"`
}

// Shutdown says how the broker ends.
type Shutdown struct {
	// DrainTimeout bounds everything between the signal and the end; 0: it may take as long as it does.
	DrainTimeout time.Duration `toml:"drain_timeout" min:"0s" max:"1h"`
}

// ControlAuto lets the broker choose the place of its control socket.
const ControlAuto = "auto"

// Control says where the broker answers questions about itself: stampede tree asks there.
type Control struct {
	// Address is "unix:/path", [ControlAuto], or empty: nowhere.
	Address string `toml:"address" reload:"restart"`
}

// DefaultPort is where STOMP brokers listen by custom.
const DefaultPort = "61613"

// Default returns the configuration of a broker that was given none: loopback only, anonymous, every protocol on one
// port. Each call returns a new one.
func Default() *Config {
	return &Config{
		SecretHash:    "sha256",
		SecretTimeout: 5 * time.Minute,

		Listen: []Listen{defaultListen("default", "localhost:"+DefaultPort)},
		Log:    Log{Level: "info", Format: "auto"},
		HeartBeat: HeartBeat{
			Send:      10 * time.Second,
			Receive:   10 * time.Second,
			Tolerance: 2,
		},
		Session: Session{
			LoginTimeout:    10 * time.Second,
			FrameTimeout:    30 * time.Second,
			Linger:          2 * time.Second,
			DefaultPrefetch: 100,
			MaxPrefetch:     10_000,
			MaxRestarts:     3,
			RestartWindow:   10 * time.Second,
		},
		Limits: Limits{
			ConnectMaxHeaders:          32,
			ConnectMaxHeaderBytes:      8 * KiB,
			ConnectMaxHeaderBlockBytes: 16 * KiB,
			MaxHeaders:                 64,
			MaxHeaderBytes:             16 * KiB,
			MaxHeaderBlockBytes:        64 * KiB,
			MaxBodyBytes:               16 * MiB,
			MaxSubscriptions:           1000,
			MaxTemporaryDestinations:   1000,
			MaxTransactions:            16,
			MaxTransactionFrames:       10_000,
			MaxTransactionBytes:        64 * MiB,
			MaxConnections:             0,
			RateBurst:                  time.Second,
			RateExceeded:               RateHold,
			InboundWindow:              1 * MiB,
			Outbox:                     64 * MiB,
		},
		Topics: Topics{SlowConsumer: SlowDisconnect, NoSubscribers: NoSubscribersDrop},
		Queues: Queues{
			MaxMessages:   100_000,
			MaxBytes:      256 * MiB,
			Full:          FullHold,
			HoldTimeout:   30 * time.Second,
			MaxDeliveries: 10,
			DeadLetter:    "/queue/DLQ",
		},
		Destinations: Destinations{
			AutoCreate:  true,
			IdleTimeout: 5 * time.Minute,
			Max:         100_000,
		},
		Supervision: Supervision{
			BackoffMin: 10 * time.Millisecond,
			BackoffMax: 5 * time.Second,
			Window:     10 * time.Second,
		},
		Console:  Console{Enabled: true, Destination: "/xtomp/stat"},
		Shutdown: Shutdown{DrainTimeout: 10 * time.Second},
		Control:  Control{Address: ControlAuto},
		Stats:    Stats{Period: time.Minute, Destination: "/xtomp/stat"},
		Journal: Journal{
			FileBytes: 64 * MiB,
			FileAge:   24 * time.Hour,
			MaxFiles:  0,
			MaxBytes:  GiB,
			Buffer:    16 * MiB,
		},
		Access: Access{
			LoginDelay:    500 * time.Millisecond,
			LoginDelayMax: 5 * time.Second,
			LoginMemory:   10 * time.Minute,
			MaxHashes:     2,
		},
		JWT: JWT{Leeway: 30 * time.Second, UserClaim: "sub", GroupsClaim: "groups"},
	}
}

// defaultListen is what a [[listen]] that sets nothing but its address means.
func defaultListen(name, address string) Listen {
	return Listen{
		Name:            name,
		Address:         address,
		STOMP:           true,
		WebSockets:      true,
		HTTP:            true,
		TLSMinVersion:   "1.2",
		TLSClientAuth:   "required",
		TLSClientUser:   CertificateNone,
		ForwardedHeader: "X-Forwarded-For",
		UnixMode:        "0660",
	}
}
