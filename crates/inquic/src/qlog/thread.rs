//! The one thread that writes logs: notes in, files out. It may wait for a disk; nobody waits for it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use super::events::Translator;
use super::file::{Budget, Output};
use super::{Message, Note, Opening, QUEUED};

/// The way to the thread, which is started by the first log. `None` when it could not be.
pub(super) fn sender() -> Option<Sender<Message>> {
    SENDER.get_or_init(start).as_ref().map(own)
}

/// The way to the thread, if there is one.
pub(super) fn started() -> Option<Sender<Message>> {
    SENDER.get()?.as_ref().map(own)
}

fn own(shared: &Mutex<Sender<Message>>) -> Sender<Message> {
    shared
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

fn start() -> Option<Mutex<Sender<Message>>> {
    let (to, from) = mpsc::channel();
    let thread = thread::Builder::new().name("inquic-qlog".into());
    thread.spawn(move || Writer::default().run(&from)).ok()?;
    Some(Mutex::new(to))
}

#[derive(Default)]
struct Writer {
    logs: HashMap<u64, (Translator, Output)>,
    budget: Budget,
}

impl Writer {
    fn run(mut self, from: &Receiver<Message>) {
        while let Ok(message) = from.recv() {
            self.take(message);
            while let Ok(message) = from.try_recv() {
                self.take(message);
            }
            // Nothing more for now: whoever looks at the files sees all of it.
            for (_, output) in self.logs.values_mut() {
                output.flush();
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Begin(number, opening) => self.begin(number, &opening),
            Message::Notes(number, notes) => {
                QUEUED.fetch_sub(notes.len(), Ordering::Relaxed);
                self.write(number, &notes);
            }
            Message::End(number) => {
                if let Some((_, mut output)) = self.logs.remove(&number) {
                    output.flush();
                }
            }
            Message::Flush(done) => {
                for (_, output) in self.logs.values_mut() {
                    output.flush();
                }
                // Whoever asked may have lost patience.
                let _ = done.try_send(());
            }
        }
    }

    fn begin(&mut self, number: u64, opening: &Opening) {
        // Without a file there is no log. The application was not promised one.
        if let Some(mut output) = Output::create(opening, &mut self.budget) {
            let budget = &mut self.budget;
            let translator = Translator::begin(opening, &mut |event| output.event(event, budget));
            self.logs.insert(number, (translator, output));
        }
    }

    fn write(&mut self, number: u64, notes: &[Note]) {
        let Some((translator, output)) = self.logs.get_mut(&number) else {
            return;
        };
        let budget = &mut self.budget;
        for note in notes {
            translator.note(note, &mut |event| output.event(event, budget));
        }
        translator.end_packet(&mut |event| output.event(event, budget));
    }
}

static SENDER: OnceLock<Option<Mutex<Sender<Message>>>> = OnceLock::new();
