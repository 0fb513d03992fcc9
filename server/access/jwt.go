package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxKid is the longest name of a key, in bytes.
const maxKid = 256

// JWTOptions is what JWT is made of. JWKSURL, Algorithms and Log are required.
type JWTOptions struct {
	// JWKSURL is where the issuer's keys are, as a JSON Web Key Set.
	JWKSURL string
	// Issuer is the iss that a token must have; empty: any.
	Issuer string
	// Audience are those of which a token must be for one; empty: it may be for anybody.
	Audience []string
	// Leeway is how far the issuer's clock may be off.
	Leeway time.Duration
	// Algorithms are those that a token may be signed by: RS256, ES256, EdDSA and their like.
	Algorithms []string
	// AdminClaim is the claim that makes an admin: NAME if it has to be true, NAME=VALUE if VALUE has to be one of its words
	// (a list, or a text of words); empty: nobody is one.
	AdminClaim string
	Log        *slog.Logger

	// Refresh is how often the keys are fetched; 0 means ten minutes.
	Refresh time.Duration
	// Pause is the least time between two fetches that tokens with unknown keys ask for; 0 means five seconds.
	Pause time.Duration
	// Spread is how long a new key may take to reach all that answer for JWKSURL, such as the caches in front of it; 0 means
	// thirty seconds. Only a key that is missing for longer is taken for none.
	Spread time.Duration
}

// Validate reports everything that is wrong with the options.
func (o JWTOptions) Validate() error {
	var errs []error
	if o.JWKSURL == "" {
		errs = append(errs, errors.New("access: JWKSURL is empty"))
	}
	if len(o.Algorithms) == 0 {
		errs = append(errs, errors.New("access: Algorithms is empty"))
	}
	for _, alg := range o.Algorithms {
		if !slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}, alg) {
			errs = append(errs, fmt.Errorf("access: the algorithm %q is not one with a public key", alg))
		}
	}
	if o.Leeway < 0 || o.Refresh < 0 || o.Pause < 0 || o.Spread < 0 {
		errs = append(errs, errors.New("access: Leeway, Refresh, Pause or Spread is negative"))
	}
	if o.Log == nil {
		errs = append(errs, errors.New("access: Log is nil"))
	}
	return errors.Join(errs...)
}

// JWT checks the tokens of an issuer. All methods but Run may be called from any goroutine.
type JWT struct {
	opts       JWTOptions
	parser     *jwt.Parser
	all        *jwt.Validator // of all claims
	allButTime *jwt.Validator // of all, but exp may be missing
	keys       *keySource
	verified   verified
}

// NewJWT fetches nothing: Run does. Until its first look has ended, Identify waits for it.
func NewJWT(opts JWTOptions) (*JWT, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	if opts.Refresh == 0 {
		opts.Refresh = 10 * time.Minute
	}
	if opts.Pause == 0 {
		opts.Pause = 5 * time.Second
	}
	if opts.Spread == 0 {
		opts.Spread = 30 * time.Second
	}
	rules := []jwt.ParserOption{jwt.WithLeeway(opts.Leeway)}
	if opts.Issuer != "" {
		rules = append(rules, jwt.WithIssuer(opts.Issuer))
	}
	if len(opts.Audience) > 0 {
		rules = append(rules, jwt.WithAudience(opts.Audience...))
	}
	j := &JWT{
		opts: opts,
		// Claims are looked at by the validators: which of them fails matters.
		parser:     jwt.NewParser(jwt.WithValidMethods(opts.Algorithms), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation()),
		allButTime: jwt.NewValidator(rules...),
		all:        jwt.NewValidator(append(slices.Clone(rules), jwt.WithExpirationRequired())...),
	}
	j.keys = newKeySource(opts, j.verified.forget)
	return j, nil
}

// Run fetches the keys, at once and again and again, until ctx ends. One runs at a time.
func (j *JWT) Run(ctx context.Context) { j.keys.run(ctx) }

// Reload has the keys fetched now. It doesn't wait.
func (j *JWT) Reload() { j.keys.nudge() }

// Trouble is a sentence about the keys while they can't be fetched; else it is empty.
func (j *JWT) Trouble() string { return j.keys.trouble.lasts() }

// Identify says whose a token is. Its errors are ErrInvalid, ErrExpired and ErrEarly (with the identity), and ErrAway. It may wait
// for the keys, some seconds at most, no longer than ctx.
func (j *JWT) Identify(ctx context.Context, token string) (Identity, error) {
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return Identity{}, fmt.Errorf("%w: it is too long, or no JSON Web Token", ErrInvalid)
	}
	now, sum := time.Now(), sha256.Sum256([]byte(token))
	identity, known, era := j.verified.find(sum, now)
	if known {
		return identity, nil
	}
	claims := jwt.MapClaims{}
	var expires time.Time
	var untimely error
	_, err := j.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		// Whoever sends a token that is of no use here needs no key, and the issuer isn't asked for one.
		if identity, expires, untimely = j.check(claims); errors.Is(untimely, ErrInvalid) {
			return nil, untimely
		}
		return j.keyOf(ctx, t, sum)
	})
	switch {
	case errors.Is(err, ErrAway), errors.Is(err, ErrInvalid):
		return Identity{}, err
	case err != nil:
		return Identity{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if untimely == nil {
		j.verified.add(sum, identity, now, expires, era)
	}
	return identity, untimely
}

// keyOf returns the key that a token is to be verified with.
func (j *JWT) keyOf(ctx context.Context, t *jwt.Token, sum [sha256.Size]byte) (any, error) {
	if _, critical := t.Header["crit"]; critical {
		return nil, fmt.Errorf("%w: it has critical headers, which are not understood", ErrInvalid)
	}
	kid, isText := t.Header["kid"].(string)
	if _, given := t.Header["kid"]; given && !isText {
		return nil, fmt.Errorf("%w: its kid is no text", ErrInvalid)
	}
	if len(kid) > maxKid {
		return nil, fmt.Errorf("%w: its kid has %d bytes", ErrInvalid, len(kid))
	}
	if kid == "" {
		signed := t.Raw[:strings.LastIndexByte(t.Raw, '.')]
		return j.keys.find(ctx, string(sum[:]), func(keys keySet) (any, error) {
			return keys.verifying(t.Method, signed, t.Signature), nil
		})
	}
	return j.keys.find(ctx, kid, func(keys keySet) (any, error) {
		key, known := keys.named(kid, t.Method.Alg())
		if key == nil && known {
			return nil, fmt.Errorf("%w: the key that it names is not for its algorithm", ErrInvalid)
		}
		return key, nil
	})
}

// check looks at the claims of a token. Its errors are ErrInvalid, and where nothing but the time is wrong ErrExpired and ErrEarly.
func (j *JWT) check(claims jwt.MapClaims) (identity Identity, expires time.Time, err error) {
	sub, err := claims.GetSubject()
	if err != nil || !validOwner(sub) {
		return Identity{}, expires, fmt.Errorf("%w: its sub must have 1 to %d bytes of UTF-8, without control characters", ErrInvalid, maxOwner)
	}
	identity = Identity{Owner: sub, Admin: isAdmin(claims, j.opts.AdminClaim)}
	err = j.all.Validate(claims)
	if err == nil {
		exp, _ := claims.GetExpirationTime() // Validate has read it
		return identity, exp.Time, nil
	}
	rest, others, untimely := maps.Clone(claims), j.all, error(nil)
	if errors.Is(err, jwt.ErrTokenNotValidYet) {
		delete(rest, "nbf")
		untimely = ErrEarly
	}
	if errors.Is(err, jwt.ErrTokenExpired) {
		delete(rest, "exp")
		others, untimely = j.allButTime, ErrExpired
	}
	if untimely != nil {
		if err = others.Validate(rest); err == nil {
			return identity, expires, untimely
		}
	}
	return Identity{}, expires, fmt.Errorf("%w: %w", ErrInvalid, err)
}

// isAdmin reports whether the claims have what makes an admin.
func isAdmin(claims jwt.MapClaims, wanted string) bool {
	name, value, hasValue := strings.Cut(wanted, "=")
	if name == "" {
		return false
	}
	switch claim := claims[name].(type) {
	case bool:
		return claim && !hasValue
	case string:
		return hasValue && slices.Contains(strings.Fields(claim), value)
	case []any:
		return hasValue && slices.Contains(claim, any(value))
	}
	return false
}
