internal import ModelCore
internal import OneDNN

extension Graph {
  /// Decides how every activation lies in memory, and inserts the conversions that are left.
  mutating func chooseForms() throws {
    let consumers = consumers()
    for node in nodes {
      switch node.work {
      case .input: node.form = inputForm(node, consumers)
      case .function, .dropout: node.form = node.inputs[0].form
      case .pool, .normalization, .pad: node.form.lanes = node.inputs[0].form.lanes
      case .flatten: node.form = flattened(node, consumers)
      case .softmax: node.form = node.form.channelsLast
      case .dense, .convolution, .convert, .add, .concatenate: break
      }
    }
    insertConversions()
  }

  /// A conversion is cheap, none is cheaper.
  private func inputForm(_ node: Node, _ consumers: [Node: [Node]]) -> Form {
    guard !node.form.isVector else { return node.form }
    let readers = consumers[node] ?? []
    if readers.allSatisfy({ $0.isFlatten && readsAnyOrder($0, consumers) }) {
      return node.form.channelsLast
    }
    let readsPlanes = readers.allSatisfy {
      if case .convolution = $0.work { return true }
      return false
    }
    return readsPlanes && Self.takesPlanes(node.form.channels)
      ? node.form.planar : node.form.blocked
  }

  /// Without AVX-512, oneDNN has a weight gradient for planes of colour images only.
  private static func takesPlanes(_ channels: Int) -> Bool {
    Processor.hasAVX512 ? channels <= 3 : channels == 3
  }

  /// A dense layer takes any order, since its weights are put into the same.
  private func flattened(_ node: Node, _ consumers: [Node: [Node]]) -> Form {
    readsAnyOrder(node, consumers) ? node.inputs[0].form : node.form
  }

  private func readsAnyOrder(_ node: Node, _ consumers: [Node: [Node]]) -> Bool {
    guard node !== output else { return false }
    return (consumers[node] ?? []).allSatisfy {
      switch $0.work {
      case .dense: true
      case .function, .dropout: readsAnyOrder($0, consumers)
      default: false
      }
    }
  }

  private mutating func insertConversions() {
    var result: [Node] = []
    for node in nodes {
      for (index, input) in node.inputs.enumerated() {
        guard let wanted = node.wantedForm(ofInput: index), !input.form.isSameMemory(as: wanted)
        else { continue }
        let conversion = Node(after: input, .convert, form: wanted)
        node.inputs[index] = conversion
        result.append(conversion)
      }
      result.append(node)
    }
    nodes = result
  }
}

extension Node {
  fileprivate var isFlatten: Bool {
    if case .flatten = work { return true }
    return false
  }

  /// The form in which a step has to read an input; nil when any will do.
  fileprivate func wantedForm(ofInput index: Int) -> Form? {
    let input = inputs[index].form
    switch work {
    case .convolution: return input.lanes == 1 ? nil : input.blocked
    case .softmax: return input.channelsLast
    case .add: return form
    case .normalization: return index == 1 ? form : nil
    case .flatten:
      // A view that a dense layer reads as it is, or Keras's order of elements.
      return form == input ? nil : input.channelsLast
    default: return nil
    }
  }
}
