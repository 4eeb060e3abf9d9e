import ModelCore
import Unlearning

/// Weights that came about in another way, to be tested as a method's result would be: a test that
/// retrained models fail, or untouched ones pass, is at fault.
struct Given: UnlearningMethod {
  var parameters: Parameters
  let name = "given"

  static var knobs: [String: Knob<Given>] { [:] }

  func unlearn(_ session: UnlearningSession) throws {
    try session.network.setParameters(parameters)
  }
}
