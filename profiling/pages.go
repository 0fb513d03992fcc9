package profiling

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"net/http"
)

//go:embed pages.html
var pagesText string

// pages are what a browser shows of this package. None may run or load anything that did not come with it.
type pages struct {
	templates *template.Template
}

func newPages() *pages {
	return &pages{template.Must(template.New("pages").Funcs(template.FuncMap{
		"bytes": func(n int64) string { return signed(n, size) },
		"count": func(n int64) string { return signed(n, count) },
	}).Parse(pagesText))}
}

// notice is a page that says something and leads on.
type notice struct {
	Nonce string
	Title string
	Text  string
	Links []link
}

type link struct{ To, Name, Shows string }

func (p *pages) notice(w http.ResponseWriter, status int, n notice) {
	n.Nonce = rand.Text()
	p.show(w, status, n.Nonce, "notice", n)
}

// show writes a page of ours, whose style has that nonce.
func (p *pages) show(w http.ResponseWriter, status int, nonce, name string, data any) {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "this page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	protect(w.Header(), fmt.Sprintf("style-src 'nonce-%s'", nonce))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that has left needs none
}

// protect forbids all but what is allowed, and that the page is kept.
func protect(h http.Header, allowed string) {
	h.Set("Content-Security-Policy", "default-src 'none'; "+allowed+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// undress hides what leads to pages that are not served, and the menu that saves settings.
const undress = "#graphbtn,#list,#disasm,#config,#action-source,#action-source-tab{display:none!important}"

// dress serves a page of pprof's, whose scripts and styles stand in the page itself: each gets the nonce that the policy asks
// for. What comes from the profile cannot look like one: there, < is always escaped.
func (p *pages) dress(w http.ResponseWriter, req *http.Request, page http.Handler) {
	var body bytes.Buffer
	made := &held{http.Header{}, http.StatusOK, &body}
	page.ServeHTTP(made, req)
	nonce := rand.Text()
	html := bytes.ReplaceAll(body.Bytes(), []byte("<script"), []byte(`<script nonce="`+nonce+`"`))
	html = bytes.Replace(html, []byte("</head>"), []byte("<style>"+undress+"</style></head>"), 1)
	html = bytes.ReplaceAll(html, []byte("<style"), []byte(`<style nonce="`+nonce+`"`))
	protect(w.Header(), fmt.Sprintf("script-src 'nonce-%s'; style-src 'nonce-%s'; img-src data:", nonce, nonce))
	w.Header().Set("Content-Type", made.header.Get("Content-Type"))
	w.WriteHeader(made.status)
	_, _ = w.Write(html)
}

// held is an answer that is not sent yet.
type held struct {
	header http.Header
	status int
	body   io.Writer
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }
