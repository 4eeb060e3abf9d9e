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
      case .pool, .pad: node.form = node.form.stored(as: node.inputs[0].form)
      case .normalization: node.form = normalized(node)
      case .convolution:
        if prefersInterleaving(node, consumers) { node.form = node.form.interleaved }
      case .add:
        if node.inputs.allSatisfy(\.form.isInterleaved) { node.form = node.form.interleaved }
      case .flatten: node.form = flattened(node, consumers)
      case .softmax: node.form = node.form.channelsLast
      case .dense, .convert, .concatenate: break
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
    if readers.allSatisfy({ prefersInterleaving($0, consumers) }) {
      return node.form.interleaved
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
    guard readsAnyOrder(node, consumers) else { return node.form }
    let form = node.inputs[0].form
    return form.isInterleaved ? form.planar : form
  }

  /// Statistics are taken over lanes that are channels.
  private func normalized(_ node: Node) -> Form {
    let form = node.inputs[0].form
    return form.isInterleaved ? form.blocked : node.form.stored(as: form)
  }

  /// Whether a convolution has so few channels that blocks of them would be mostly padding, and
  /// 16 samples fill a vector better.
  private func prefersInterleaving(_ node: Node, _ consumers: [Node: [Node]]) -> Bool {
    guard case .convolution = node.work, Processor.hasAVX512 else { return false }
    let (inputs, outputs) = (node.inputs[0].form.channels, node.form.channels)
    guard inputs < 16 else { return false }
    // Planes of up to 3 channels are read without padding.
    let padded = (inputs <= 3 ? inputs : 16) * ((outputs + 15) / 16 * 16)
    guard 2 * padded >= 3 * inputs * outputs else { return false }
    return (consumers[node] ?? []).allSatisfy {
      if case .normalization = $0.work { return false }
      return true
    }
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
    case .convolution:
      if form.isInterleaved { return input.interleaved }
      return input.lanes == 1 ? nil : input.blocked
    case .softmax: return input.channelsLast
    case .add: return form
    case .concatenate: return input.isInterleaved ? input.blocked : nil
    case .normalization: return index == 1 || input.isInterleaved ? form : nil
    case .flatten:
      // A view that a dense layer reads as it is, or Keras's order of elements.
      if form == input { return nil }
      return form.isVector ? input.channelsLast : form
    default: return nil
    }
  }
}

extension Form {
  /// These extents, in memory like another form.
  fileprivate func stored(as other: Form) -> Form {
    Form(
      channels: channels, height: height, width: width,
      lanes: other.lanes, isInterleaved: other.isInterleaved)
  }
}
