//! JSON as a body, both ways.

use barewire_rt::Runtime;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};
use crate::request::RequestBuilder;
use crate::response::Response;
use crate::target::Target;

impl<R: Runtime> RequestBuilder<R> {
    /// Sets the body to a value as JSON, and `Content-Type: application/json` unless a type was set before.
    ///
    /// A value that is no JSON, such as a map whose keys are not text, is told by [`send`](Self::send) as
    /// [`ErrorKind::RequestBody`].
    ///
    /// ```no_run
    /// # async fn f<R: barewire_rt::Runtime>(client: barewire_client::Client<R>) -> Result<(), barewire_client::Error> {
    /// let words = client.post("http://example.org/count").json(&["one", "two"]).send().await?;
    /// let count: u64 = words.error_for_status()?.json().await?;
    /// # Ok(()) }
    /// ```
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        self.with(|draft| {
            let json = serde_json::to_vec(value)
                .map_err(|error| ErrorKind::RequestBody(Box::new(error)))?;
            draft.body = json.into();
            let json = HeaderValue::from_static("application/json");
            draft.headers.entry(CONTENT_TYPE).or_insert(json);
            Ok(())
        })
    }
}

impl Response {
    /// The whole body, read as JSON whatever `Content-Type` and the status say: ask
    /// [`error_for_status`](Self::error_for_status) first where errors are no such JSON. Not cancel-safe.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), or [`ErrorKind::Json`]: it is no JSON, or not of this type.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let target = self.target().clone();
        read(&self.bytes().await?, &target)
    }
}

impl<R: Runtime> crate::blocking::RequestBuilder<R> {
    /// Sets the body to a value as JSON: see [`crate::RequestBuilder::json`].
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        self.map(|builder| builder.json(value))
    }
}

impl crate::blocking::Response {
    /// The rest of the body as JSON, whatever `Content-Type` says.
    ///
    /// # Errors
    ///
    /// As [`crate::Response::json`].
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let target = self.target().clone();
        read(&self.bytes()?, &target)
    }
}

fn read<T: DeserializeOwned>(body: &[u8], target: &Target) -> Result<T, Error> {
    serde_json::from_slice(body)
        .map_err(|error| Error::of_origin(ErrorKind::Json(error), target.origin()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use barewire_smol::Smol;
    use barewire_std::Std;

    use super::*;
    use crate::{Client, blocking};

    /// The URL of a server that answers one request with its body, and tells its type as a header field.
    fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut length, mut kinds, mut line) = (0, Vec::new(), String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                match line.trim_end().split_once(": ") {
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    Some(("content-type", value)) => kinds.push(value.to_owned()),
                    _ => {}
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let kinds = kinds.join(", ");
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nx-type: {kinds}\r\n\r\n");
            reader.get_mut().write_all(&[head.as_bytes(), &body].concat()).unwrap();
        });
        url
    }

    #[test]
    fn there_and_back() {
        let smol = Smol::default();
        let client = Client::new(smol.clone());
        smol.block_on(async {
            let response = client.post(echo()).json(&[1, 2]).send().await.unwrap();
            assert_eq!(response.headers()["x-type"], "application/json");
            assert_eq!(response.json::<Vec<u8>>().await.unwrap(), [1, 2]);
        });
        let client = blocking::Client::new(Std::default());
        let patch = client.patch(echo()).header("content-type", "application/merge-patch+json");
        let response = patch.json("text").send().unwrap();
        assert_eq!(response.headers()["x-type"], "application/merge-patch+json");
        assert_eq!(response.json::<String>().unwrap(), "text");
    }

    #[test]
    fn what_is_no_json_is_whose_fault() {
        let client = blocking::Client::new(Std::default());
        let error = client.post("http://h/").json(&HashMap::from([((), 1)])).send().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::RequestBody(_)) && error.is_request(), "{error}");
        let error = client.post(echo()).body("[1").send().unwrap().json::<Vec<u8>>().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Json(_)) && !error.is_request(), "{error}");
        assert!(error.origin().is_some(), "{error}");
        let response = client.post(echo()).body("[1, 2]").send().unwrap().limit(5);
        let error = response.json::<Vec<u8>>().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::BodyTooLarge { limit: 5 }), "{error}");
    }
}
