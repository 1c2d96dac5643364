// SPDX-License-Identifier: Apache-2.0
// From an error to an HTTP status and a message: the one place that decides it.
import HTTP
import Primitives

/// Status and text of a failed request.
struct Status {
    let code: Int
    let message: String

    init(for error: any Error) {
        guard let error = error as? EngineError else {
            code = 500
            message = "\(error)"
            return
        }
        message = error.message
        code =
            switch error.kind {
            case .invalidArgument: 400
            case .unauthorized: 401
            case .forbidden: 403
            case .notFound: 404
            case .notAcceptable: 406
            case .conflict: 409
            case .notModified: 304
            case .payloadTooLarge: 413
            case .unsupportedMediaType: 415
            case .unavailable: 503
            case .notImplemented: 501
            case .internalError: 500
            }
    }
}
