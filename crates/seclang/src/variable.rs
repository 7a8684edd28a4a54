//! Variables by name, and what a rule selects of them.
//!
//! A variable that the engine cannot fill is not in this table, so a rule that names it is refused at
//! load. Those that it knows and refuses on purpose are in [`REFUSED`], each with what to use instead.

use crate::regex::NamePattern;
use crate::strings::StrId;
use std::sync::Arc;

/// One value, or a collection of named ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One value; a selector is an error.
    Scalar,
    /// Named values.
    Collection,
}

macro_rules! variables {
    ($($variant:ident $name:literal $shape:ident;)*) => {
        /// A variable of the language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Variable { $($variant,)* }

        impl Variable {
            /// Every variable.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in rules.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One value or many.
            pub(crate) const fn shape(self) -> Shape {
                match self { $(Self::$variant => Shape::$shape,)* }
            }
        }
    };
}

variables! {
    Args "ARGS" Collection;
    ArgsCombinedSize "ARGS_COMBINED_SIZE" Scalar;
    ArgsGet "ARGS_GET" Collection;
    ArgsGetNames "ARGS_GET_NAMES" Collection;
    ArgsMistyped "ARGS_MISTYPED" Collection;
    ArgsNames "ARGS_NAMES" Collection;
    ArgsPost "ARGS_POST" Collection;
    ArgsPostNames "ARGS_POST_NAMES" Collection;
    AuthType "AUTH_TYPE" Scalar;
    Duration "DURATION" Scalar;
    Env "ENV" Collection;
    Files "FILES" Collection;
    FilesCombinedSize "FILES_COMBINED_SIZE" Scalar;
    FilesNames "FILES_NAMES" Collection;
    FilesSizes "FILES_SIZES" Collection;
    FilesTmpContent "FILES_TMP_CONTENT" Collection;
    FullRequest "FULL_REQUEST" Scalar;
    FullRequestLength "FULL_REQUEST_LENGTH" Scalar;
    Geo "GEO" Collection;
    Global "GLOBAL" Collection;
    HighestSeverity "HIGHEST_SEVERITY" Scalar;
    InboundDataError "INBOUND_DATA_ERROR" Scalar;
    Ip "IP" Collection;
    MatchedVar "MATCHED_VAR" Scalar;
    MatchedVarName "MATCHED_VAR_NAME" Scalar;
    MatchedVars "MATCHED_VARS" Collection;
    MatchedVarsNames "MATCHED_VARS_NAMES" Collection;
    ModsecBuild "MODSEC_BUILD" Scalar;
    MultipartBoundaryQuoted "MULTIPART_BOUNDARY_QUOTED" Scalar;
    MultipartBoundaryWhitespace "MULTIPART_BOUNDARY_WHITESPACE" Scalar;
    MultipartCrlfLfLines "MULTIPART_CRLF_LF_LINES" Scalar;
    MultipartDataAfter "MULTIPART_DATA_AFTER" Scalar;
    MultipartDataBefore "MULTIPART_DATA_BEFORE" Scalar;
    MultipartFileLimitExceeded "MULTIPART_FILE_LIMIT_EXCEEDED" Scalar;
    MultipartFilename "MULTIPART_FILENAME" Collection;
    MultipartHeaderFolding "MULTIPART_HEADER_FOLDING" Scalar;
    MultipartInvalidHeaderFolding "MULTIPART_INVALID_HEADER_FOLDING" Scalar;
    MultipartInvalidPart "MULTIPART_INVALID_PART" Scalar;
    MultipartInvalidQuoting "MULTIPART_INVALID_QUOTING" Scalar;
    MultipartLfLine "MULTIPART_LF_LINE" Scalar;
    MultipartMissingSemicolon "MULTIPART_MISSING_SEMICOLON" Scalar;
    MultipartName "MULTIPART_NAME" Collection;
    MultipartPartHeaders "MULTIPART_PART_HEADERS" Collection;
    MultipartSemicolonMissing "MULTIPART_SEMICOLON_MISSING" Scalar;
    MultipartStrictError "MULTIPART_STRICT_ERROR" Scalar;
    MultipartUnmatchedBoundary "MULTIPART_UNMATCHED_BOUNDARY" Scalar;
    OutboundDataError "OUTBOUND_DATA_ERROR" Scalar;
    PathInfo "PATH_INFO" Scalar;
    QueryString "QUERY_STRING" Scalar;
    RemoteAddr "REMOTE_ADDR" Scalar;
    RemoteHost "REMOTE_HOST" Scalar;
    RemotePort "REMOTE_PORT" Scalar;
    RemoteUser "REMOTE_USER" Scalar;
    ReqbodyError "REQBODY_ERROR" Scalar;
    ReqbodyErrorMsg "REQBODY_ERROR_MSG" Scalar;
    ReqbodyProcessor "REQBODY_PROCESSOR" Scalar;
    ReqbodyProcessorError "REQBODY_PROCESSOR_ERROR" Scalar;
    ReqbodyProcessorErrorMsg "REQBODY_PROCESSOR_ERROR_MSG" Scalar;
    RequestBasename "REQUEST_BASENAME" Scalar;
    RequestBody "REQUEST_BODY" Scalar;
    RequestBodyLength "REQUEST_BODY_LENGTH" Scalar;
    RequestCookies "REQUEST_COOKIES" Collection;
    RequestCookiesNames "REQUEST_COOKIES_NAMES" Collection;
    RequestFilename "REQUEST_FILENAME" Scalar;
    RequestHeaders "REQUEST_HEADERS" Collection;
    RequestHeadersNames "REQUEST_HEADERS_NAMES" Collection;
    RequestLine "REQUEST_LINE" Scalar;
    RequestMethod "REQUEST_METHOD" Scalar;
    RequestOther "REQUEST_OTHER" Collection;
    RequestProtocol "REQUEST_PROTOCOL" Scalar;
    RequestUri "REQUEST_URI" Scalar;
    RequestUriRaw "REQUEST_URI_RAW" Scalar;
    Resource "RESOURCE" Collection;
    ResponseBody "RESPONSE_BODY" Scalar;
    ResponseContentLength "RESPONSE_CONTENT_LENGTH" Scalar;
    ResponseContentType "RESPONSE_CONTENT_TYPE" Scalar;
    ResponseHeaders "RESPONSE_HEADERS" Collection;
    ResponseHeadersNames "RESPONSE_HEADERS_NAMES" Collection;
    ResponseProtocol "RESPONSE_PROTOCOL" Scalar;
    ResponseStatus "RESPONSE_STATUS" Scalar;
    Rule "RULE" Collection;
    ServerAddr "SERVER_ADDR" Scalar;
    ServerName "SERVER_NAME" Scalar;
    ServerPort "SERVER_PORT" Scalar;
    Session "SESSION" Collection;
    SessionId "SESSIONID" Scalar;
    StatusLine "STATUS_LINE" Scalar;
    Time "TIME" Scalar;
    TimeDay "TIME_DAY" Scalar;
    TimeEpoch "TIME_EPOCH" Scalar;
    TimeHour "TIME_HOUR" Scalar;
    TimeMin "TIME_MIN" Scalar;
    TimeMon "TIME_MON" Scalar;
    TimeSec "TIME_SEC" Scalar;
    TimeWday "TIME_WDAY" Scalar;
    TimeYear "TIME_YEAR" Scalar;
    Tx "TX" Collection;
    UniqueId "UNIQUE_ID" Scalar;
    UrlencodedError "URLENCODED_ERROR" Scalar;
    User "USER" Collection;
    UserId "USERID" Scalar;
    WebappId "WEBAPPID" Scalar;
    Xml "XML" Collection;
    XmlDoctype "XML_DOCTYPE" Scalar;
}

/// Other names of variables.
pub(crate) static ALIASES: &[(&str, &str)] = &[("STATUS", "RESPONSE_STATUS")];

/// Variables that other engines have and this one refuses, with the reason.
pub(crate) static REFUSED: &[(&str, &str)] = &[
    ("FILES_TMPNAMES", "uploads are never written to temporary files here; use FILES_TMP_CONTENT"),
    ("MSC_PCRE_ERROR", "an expression that cannot be answered refuses the request"),
    ("MSC_PCRE_LIMITS_EXCEEDED", "an expression that cannot be answered refuses the request"),
    ("PERF_ALL", "it measures another program"),
    ("SCRIPT_BASENAME", "a gateway runs no scripts; use REQUEST_BASENAME"),
    ("SCRIPT_FILENAME", "a gateway runs no scripts; use REQUEST_FILENAME"),
    ("SCRIPT_GID", "a gateway runs no scripts"),
    ("SCRIPT_GROUPNAME", "a gateway runs no scripts"),
    ("SCRIPT_MODE", "a gateway runs no scripts"),
    ("SCRIPT_UID", "a gateway runs no scripts"),
    ("SCRIPT_USERNAME", "a gateway runs no scripts"),
    ("SDBM_DELETE_ERROR", "kept collections are in memory"),
    ("STREAM_INPUT_BODY", "use REQUEST_BODY"),
    ("STREAM_OUTPUT_BODY", "use RESPONSE_BODY"),
    ("USERAGENT_IP", "use REMOTE_ADDR"),
    ("WEBSERVER_ERROR_LOG", "the log of a server behind is its own; use RESPONSE_STATUS"),
];

impl Variable {
    /// The variable of this name, case ignored.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        let name = alias.map_or(name, |(_, name)| name);
        Self::ALL.iter().find(|one| one.name().eq_ignore_ascii_case(name)).copied()
    }

    /// A place in an array of all variables.
    #[expect(clippy::as_conversions, reason = "an enum without fields, counted from 0")]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Whether it has the values of arguments, each under its name.
    pub(crate) fn holds_arguments(self) -> bool {
        matches!(self, Self::Args | Self::ArgsGet | Self::ArgsPost)
    }

    /// The collections that outlive a transaction.
    pub(crate) fn is_persistent(self) -> bool {
        matches!(self, Self::Global | Self::Ip | Self::Resource | Self::Session | Self::User)
    }
}

/// Which entries of a collection.
#[derive(Clone, Debug)]
pub(crate) enum Selector {
    /// All of them, or the scalar itself.
    All,
    /// Those of this name, compared without case. Interned in lower case.
    Key(StrId),
    /// Those whose name matches, case ignored.
    Pattern(Arc<NamePattern>),
    /// Nodes of an XML document.
    XPath(Arc<burgrave_parse::xml::XPath>),
}

/// A variable with its selector.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The variable.
    pub(crate) variable: Variable,
    /// Which entries.
    pub(crate) selector: Selector,
    /// `&`: their number instead of their values.
    pub(crate) count: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_refusals_are_not_known() {
        let mut seen = std::collections::BTreeSet::new();
        for &variable in Variable::ALL {
            assert!(seen.insert(variable.name()));
            assert_eq!(Variable::find(&variable.name().to_lowercase()), Some(variable));
        }
        for (name, reason) in REFUSED {
            assert!(Variable::find(name).is_none(), "{name} is both known and refused");
            assert!(!reason.is_empty());
        }
        assert_eq!(Variable::find("ARG"), None);
    }
}
