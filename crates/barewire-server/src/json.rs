//! JSON as a body, both ways.

use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::handler::internal_error;
use crate::{Body, BodyError, IntoResponse, log};

/// A value that is answered as JSON, with `Content-Type: application/json`. One that is no JSON, such as a map whose keys
/// are not text, is answered with 500.
///
/// ```
/// use barewire_server::{Body, BodyError, Json};
/// use http::Request;
///
/// async fn count(request: Request<Body>) -> Result<Json<usize>, BodyError> {
///     let words: Vec<String> = request.into_body().json(64 * 1024).await?;
///     Ok(Json(words.len()))
/// }
/// # fn is_handler(_: impl barewire_server::Handler) {}
/// # is_handler(count);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response<Body> {
        match serde_json::to_vec(&self.0) {
            Ok(json) => {
                let mut response = Response::new(json.into());
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                response
            }
            Err(error) => {
                log::not_json(&error);
                internal_error()
            }
        }
    }
}

impl Body {
    /// The whole body, which must not be longer than `limit` bytes, read as JSON whatever `Content-Type` says. Not
    /// cancel-safe: what was read is lost.
    ///
    /// # Errors
    ///
    /// See [`BodyError`]; [`BodyError::Json`]: it is no JSON, or not of this type. As a handler's answer that is a 400
    /// that says what is wrong.
    pub async fn json<T: DeserializeOwned>(self, limit: usize) -> Result<T, BodyError> {
        serde_json::from_slice(&self.collect(limit).await?).map_err(BodyError::Json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    use barewire_smol::Smol;

    #[test]
    fn there_and_back() {
        let response = Json(HashMap::from([("one", 1)])).into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let read = |limit| {
            let body = Json(HashMap::from([("one", 1)])).into_response().into_body();
            Smol::default().block_on(body.json::<HashMap<String, u8>>(limit))
        };
        assert_eq!(read(9).unwrap()["one"], 1);
        assert!(matches!(read(8), Err(BodyError::TooLarge { limit: 8 })));
    }

    #[test]
    fn what_is_no_json_is_whose_fault() {
        let body = Body::from("{\"one\": 1");
        let error = Smol::default().block_on(body.json::<HashMap<String, u8>>(100)).unwrap_err();
        let response = error.into_response();
        assert_eq!(response.status(), 400);
        let text = Smol::default().block_on(response.into_body().text(1000)).unwrap();
        assert!(text.contains("line 1"), "{text}");
        assert_eq!(Json(HashMap::from([((), 1)])).into_response().status(), 500);
    }
}
