package web

import (
	"embed"
	"io/fs"
	"net/http"
)

// operatorFolder is where the build puts the operator's page, below dist.
const operatorFolder = "operator"

//go:embed operator.html fallback.css
var operatorFallback embed.FS

// OperatorOptions is what the operator's page must know of its server.
type OperatorOptions struct {
	Version   string // of the server
	Host      string // the machine's name, to tell one page from another
	Profiling bool   // whether profiles and flame graphs are served: the page links them
	Flight    bool   // whether the flight recorder may be asked for its trace
}

// operatorPolicy is the Content-Security-Policy of every answer of the operator's page.
const operatorPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// OperatorHandler serves the operator's page at / and what belongs to it beside it, as [Handler] does the upload page. The page
// asks the same listener for api/live and api/history, and links metrics and what is below debug/, all relative to itself. It
// shows who uploads what: it belongs on an admin listener.
func OperatorHandler(o OperatorOptions) http.Handler {
	return must(operatorSite(sub(dist, "dist/"+operatorFolder), o).handler())
}

func operatorSite(built fs.FS, o OperatorOptions) site {
	return site{built: built, fallback: operatorFallback, fallbackIndex: "operator.html", options: o, policy: operatorPolicy}
}
