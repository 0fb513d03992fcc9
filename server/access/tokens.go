package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// maxTokensFile is the largest tokens' file, in bytes.
const maxTokensFile = 8 << 20

// TokensOptions is what Tokens are made of. File and Log are required.
type TokensOptions struct {
	// File has a line for each token: see ParseTokens.
	File string
	// Every is how often the file is looked at; 0 means a second.
	Every time.Duration
	Log   *slog.Logger
}

// Validate reports everything that is wrong with the options.
func (o TokensOptions) Validate() error {
	var errs []error
	if o.File == "" {
		errs = append(errs, errors.New("access: File is empty"))
	}
	if o.Every < 0 {
		errs = append(errs, errors.New("access: Every is negative"))
	}
	if o.Log == nil {
		errs = append(errs, errors.New("access: Log is nil"))
	}
	return errors.Join(errs...)
}

// Tokens are those of a file, which may change. All methods but Run may be called from any goroutine.
type Tokens struct {
	opts    TokensOptions
	current atomic.Pointer[tokenTable]
	nudged  chan struct{}
	trouble trouble

	inForce [sha256.Size]byte // of the file; what follows is Run's
	seen    [sha256.Size]byte // of a change that was seen once
}

// OpenTokens reads the file, in which nothing may be wrong now.
func OpenTokens(opts TokensOptions) (*Tokens, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	if opts.Every == 0 {
		opts.Every = time.Second
	}
	t := &Tokens{
		opts: opts, nudged: make(chan struct{}, 1),
		trouble: trouble{
			log:    opts.Log.With("file", opts.File),
			begins: "the tokens' file can't be used; the last good one stays in force", ends: "the tokens' file can be used again",
		},
	}
	data, err := t.read()
	if err != nil {
		return nil, err
	}
	if err := t.use(data); err != nil {
		return nil, err
	}
	return t, nil
}

// Identify says whose a token is, or returns ErrInvalid. It doesn't block.
func (t *Tokens) Identify(_ context.Context, token string) (Identity, error) {
	if len(token) > maxToken {
		return Identity{}, fmt.Errorf("%w: it has %d bytes", ErrInvalid, len(token))
	}
	return t.current.Load().find(sha256.Sum256([]byte(token)))
}

// Reload has the file looked at now, whatever is in it. It doesn't wait.
func (t *Tokens) Reload() {
	select {
	case t.nudged <- struct{}{}:
	default: // it will be
	}
}

// Trouble is a sentence about the file while it can't be used; else it is empty.
func (t *Tokens) Trouble() string { return t.trouble.lasts() }

// Run looks at the file again and again until ctx ends. One runs at a time.
func (t *Tokens) Run(ctx context.Context) {
	ticker := time.NewTicker(t.opts.Every)
	defer ticker.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-t.nudged:
			asked = true
		}
		if err := t.look(asked); err != nil {
			t.trouble.say(err)
		}
	}
}

// look reads the file. Unless somebody asked for it, a change counts when it was seen twice: what is half-written may be without
// a mistake, and yet without somebody's token.
func (t *Tokens) look(asked bool) error {
	data, err := t.read()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	switch {
	case sum == t.inForce:
		t.trouble.over()
		return nil
	case sum != t.seen && !asked:
		t.seen = sum
		return nil
	}
	t.seen = sum
	if err := t.use(data); err != nil {
		return err
	}
	t.trouble.over()
	t.opts.Log.Info("the tokens' file was read again", "file", t.opts.File, "tokens", len(t.current.Load().tokens))
	return nil
}

func (t *Tokens) read() ([]byte, error) {
	info, err := os.Stat(t.opts.File)
	if err != nil {
		return nil, fmt.Errorf("find the tokens' file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the tokens' file %s is not a file", t.opts.File) // a pipe would be waited for
	}
	f, err := os.Open(t.opts.File)
	if err != nil {
		return nil, fmt.Errorf("open the tokens' file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTokensFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the tokens' file: %w", err)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("the tokens' file %s has no bytes; to let nobody in, leave a comment in it", t.opts.File) // somebody may be about to write it
	}
	if len(data) > maxTokensFile {
		return nil, fmt.Errorf("the tokens' file %s has more than %d bytes", t.opts.File, maxTokensFile)
	}
	return data, nil
}

// use puts what the file says in force.
func (t *Tokens) use(data []byte) error {
	all, err := ParseTokens(data)
	if err != nil {
		return fmt.Errorf("tokens' file %s: %w", t.opts.File, err)
	}
	t.current.Store(newTokenTable(all))
	t.inForce = sha256.Sum256(data)
	if len(all) == 0 {
		t.opts.Log.Warn("the tokens' file has no tokens, so nobody may do anything", "file", t.opts.File)
	}
	return nil
}

// tokenTable finds tokens by their hashes. How long it takes says nothing of the hashes that it knows: its keys are hashes
// of them with a secret of its own.
type tokenTable struct {
	secret [sha256.Size]byte
	tokens map[[sha256.Size]byte]Token
}

func newTokenTable(all []Token) *tokenTable {
	t := &tokenTable{tokens: make(map[[sha256.Size]byte]Token, len(all))}
	_, _ = rand.Read(t.secret[:]) // it never fails
	for _, token := range all {
		t.tokens[t.key(token.Hash)] = token
	}
	return t
}

func (t *tokenTable) key(hash [sha256.Size]byte) [sha256.Size]byte {
	var both [2 * sha256.Size]byte
	copy(both[:], t.secret[:])
	copy(both[sha256.Size:], hash[:])
	return sha256.Sum256(both[:])
}

func (t *tokenTable) find(hash [sha256.Size]byte) (Identity, error) {
	token, known := t.tokens[t.key(hash)]
	if subtle.ConstantTimeCompare(token.Hash[:], hash[:]) != 1 || !known {
		return Identity{}, ErrInvalid
	}
	return Identity{Owner: token.Owner, Admin: token.Admin}, nil
}
