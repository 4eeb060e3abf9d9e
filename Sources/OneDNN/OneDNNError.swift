internal import COneDNN

/// A refusal by oneDNN.
public enum OneDNNError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No implementation for this combination of sizes, layouts and algorithm. A normal answer to
  /// a question; ask for another combination.
  case unimplemented(operation: String)
  /// `code` is the `dnnl_status_t`.
  case failed(operation: String, code: Int)

  public var description: String {
    switch self {
    case .unimplemented(let operation): "oneDNN has no implementation of \(operation)"
    case .failed(let operation, let code):
      "oneDNN: \(operation) failed: \(Self.meaning(of: code)) (\(code))"
    }
  }

  private static func meaning(of code: Int) -> String {
    switch code {
    case 1: "out of memory"
    case 2: "invalid arguments"
    case 4: "the end was reached"
    case 5: "a runtime error"
    case 6: "the operation is not required"
    default: "an unknown reason"
    }
  }
}

/// Turns a status into an error.
func check(_ status: dnnl_status_t, _ operation: @autoclosure () -> String) throws(OneDNNError) {
  switch status {
  case dnnl_success: return
  case dnnl_unimplemented: throw .unimplemented(operation: operation())
  default: throw .failed(operation: operation(), code: Int(status.rawValue))
  }
}

/// The object that a successful call has made.
func made<Handle>(_ handle: Handle?, _ operation: String) throws(OneDNNError) -> Handle {
  guard let handle else { throw .failed(operation: operation, code: 5) }
  return handle
}
