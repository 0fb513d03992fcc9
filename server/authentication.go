package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"plateau/config"
	"plateau/server/access"
)

// tokens find out whose a request's token is: access.Tokens or access.JWT.
type tokens interface {
	// Identify returns whose a token is, or one of access's errors. It may wait some
	// seconds, no longer than ctx.
	Identify(ctx context.Context, token string) (access.Identity, error)
	// Run keeps up to date what tokens are compared with, until ctx ends.
	Run(ctx context.Context)
	// Reload brings it up to date now. It doesn't wait.
	Reload()
	// Trouble is a sentence about what hinders that; else it is empty.
	Trouble() string
}

// authentication is what says who sends a request.
type authentication struct {
	tokens tokens // nil with --auth none: nobody is asked
	links  *access.Links

	running sync.WaitGroup // runs tokens
	end     context.CancelFunc
}

// newAuthentication reads the tokens' file. A mistake in it is a *UsageError. Keys
// of tokens are not fetched before start.
func newAuthentication(cfg config.Config, log *slog.Logger) (*authentication, error) {
	a := &authentication{links: access.NewLinks(cfg.LinkSecret)}
	var err error
	switch cfg.Auth {
	case "token":
		a.tokens, err = access.OpenTokens(access.TokensOptions{File: cfg.AuthTokensFile, Log: log})
	case "jwt":
		a.tokens, err = access.NewJWT(access.JWTOptions{
			JWKSURL:    cfg.JWTJWKSURL,
			Issuer:     cfg.JWTIssuer,
			Audience:   cfg.JWTAudience,
			Leeway:     cfg.JWTLeeway,
			Algorithms: cfg.JWTAlgorithms,
			AdminClaim: cfg.JWTAdminClaim,
			Log:        log,
		})
	}
	if err != nil {
		return nil, &UsageError{fmt.Errorf("use --auth %s: %w", cfg.Auth, err)}
	}
	return a, nil
}

// start keeps the tokens up to date, until stop.
func (a *authentication) start(ctx context.Context) {
	if a.tokens == nil {
		return
	}
	ctx, a.end = context.WithCancel(context.WithoutCancel(ctx))
	a.running.Go(func() { a.tokens.Run(ctx) })
}

// stop ends that. It doesn't wait longer than groupWord for a file on a network that
// is away.
func (a *authentication) stop() error {
	if a.end != nil {
		a.end()
	}
	return awaitGroup(&a.running, "the tokens were still being read")
}

// reload has the tokens read again.
func (a *authentication) reload() {
	if a.tokens != nil {
		a.tokens.Reload()
	}
}

// trouble is a line for /readyz; empty if there is none.
func (a *authentication) trouble() string {
	if a.tokens == nil || a.tokens.Trouble() == "" {
		return ""
	}
	return a.tokens.Trouble() + ", see the log\n"
}
