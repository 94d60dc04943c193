package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// The kinds of hashes that a users file can hold.
const (
	HashArgon2id = "argon2id"
	HashBcrypt   = "bcrypt"
	HashNone     = "none" // nobody logs in with a passcode: the line gives groups to who comes in another way
)

// noHash stands in a line for HashNone.
const noHash = "-"

// What a new hash costs: argon2id as OWASP recommends for the least, bcrypt likewise.
const (
	argonMemoryKiB = 19 << 10
	argonTime      = 2
	argonThreads   = 1
	argonSaltBytes = 16
	argonKeyBytes  = 32
	bcryptCost     = 10
)

// What a hash in a file may cost at the most: a mistake there should not stop the broker.
const (
	maxArgonMemoryKiB = 1 << 20
	maxArgonTime      = 64
	maxArgonThreads   = 64
	maxBcryptCost     = 16
)

// maxBcryptBytes is what bcrypt looks at of a passcode.
const maxBcryptBytes = 72

// HashPasscode makes the hash of a passcode for a users file.
func HashPasscode(kind, passcode string) (string, error) {
	if passcode == "" {
		return "", errors.New("the passcode is empty")
	}
	if strings.ContainsAny(passcode, "\n\r\x00") {
		return "", errors.New("the passcode has a line end or a NUL, which no client can send")
	}
	switch kind {
	case HashArgon2id:
		salt := make([]byte, argonSaltBytes)
		if _, err := rand.Read(salt); err != nil {
			return "", err
		}
		h := argonHash{memory: argonMemoryKiB, time: argonTime, threads: argonThreads, salt: salt}
		h.key = h.compute(passcode, argonKeyBytes)
		return h.String(), nil
	case HashBcrypt:
		if len(passcode) > maxBcryptBytes {
			return "", fmt.Errorf("bcrypt takes passcodes of up to %d bytes; choose a shorter one, or argon2id", maxBcryptBytes)
		}
		h, err := bcrypt.GenerateFromPassword([]byte(passcode), bcryptCost)
		return string(h), err
	}
	return "", fmt.Errorf("%.20q is no kind of hash; there are %s and %s", kind, HashArgon2id, HashBcrypt)
}

// hash is one that was read.
type hash interface {
	kind() string
	verify(passcode string) bool
}

// parseHash reads a hash. The error does not repeat it.
func parseHash(text string) (hash, error) {
	switch {
	case text == noHash:
		return nil, nil
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon(text)
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		cost, err := bcrypt.Cost([]byte(text))
		if err != nil || len(text) != 60 {
			return nil, errors.New("has a bcrypt hash that can't be read")
		}
		if cost > maxBcryptCost {
			return nil, fmt.Errorf("has a bcrypt hash of cost %d; the most is %d", cost, maxBcryptCost)
		}
		return bcryptHash(text), nil
	case text == "":
		return nil, errors.New(`has no hash; write "-" for a user that has no passcode`)
	}
	return nil, errors.New("has something else than an argon2id or bcrypt hash; make one with: stampede user")
}

type bcryptHash string

func (bcryptHash) kind() string { return HashBcrypt }

func (h bcryptHash) verify(passcode string) bool {
	// The library would look at the first 72 bytes and forget the rest.
	long := len(passcode) > maxBcryptBytes
	return bcrypt.CompareHashAndPassword([]byte(h), []byte(passcode[:min(len(passcode), maxBcryptBytes)])) == nil && !long
}

// argonHash is an argon2id hash with what it was made with.
type argonHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func (*argonHash) kind() string { return HashArgon2id }

func (h *argonHash) verify(passcode string) bool {
	return subtle.ConstantTimeCompare(h.compute(passcode, len(h.key)), h.key) == 1
}

func (h *argonHash) compute(passcode string, n int) []byte {
	return argon2.IDKey([]byte(passcode), h.salt, h.time, h.memory, h.threads, uint32(n))
}

// String writes it in the form that other programs use too.
func (h *argonHash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

func parseArgon(text string) (*argonHash, error) {
	bad := errors.New("has an argon2id hash that can't be read")
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return nil, bad
	}
	var h argonHash
	numbers := strings.Split(parts[3], ",")
	if len(numbers) != 3 {
		return nil, bad
	}
	var costs [3]uint64
	for i, limit := range []struct {
		name string
		most uint64
	}{{"m", maxArgonMemoryKiB}, {"t", maxArgonTime}, {"p", maxArgonThreads}} {
		value, ok := strings.CutPrefix(numbers[i], limit.name+"=")
		n, err := strconv.ParseUint(value, 10, 32)
		if !ok || err != nil || n == 0 {
			return nil, bad
		}
		if n > limit.most {
			return nil, fmt.Errorf("has an argon2id hash with %s=%d; the most is %d", limit.name, n, limit.most)
		}
		costs[i] = n
	}
	h.memory, h.time, h.threads = uint32(costs[0]), uint32(costs[1]), uint8(costs[2])
	var err, err2 error
	h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.key, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err != nil || err2 != nil || len(h.salt) < 8 || len(h.key) < 16 || len(h.salt) > 64 || len(h.key) > 64 {
		return nil, bad
	}
	return &h, nil
}
