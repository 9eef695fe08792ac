"""Names that people have, for finding names without a model: common given names and family names.

Short on purpose: a list cannot know everyone, and each name that is also a word costs false alarms
(those stand in AMBIGUOUS and count only beside another name).
"""

# ruff: noqa: SIM905 - words in a row are easier to read and to extend than one quoted word a line

from __future__ import annotations

GIVEN = frozenset(
    """
    Aaron Abdul Abdullah Abigail Abraham Ada Adam Adele Adrian Adriana Agnes Agnieszka Ahmad Ahmed
    Aidan Aisha Akira Alan Alana Albert Alberto Alejandra Alejandro Aleksander Aleksandra Alessandra
    Alessandro Alex Alexander Alexandra Alexandre Alexandros Alexis Alfonso Alfred Alfredo Ali Alice
    Alicia Alina Alison Allan Allen Allison Alma Alvaro Alyssa Amanda Amber Amelia Amelie Amina Amir
    Amit Amy Ana Anand Anastasia Anders Andre Andrea Andreas Andreea Andrei Andres Andrew Andrzej
    Angela Angelica Angelina Angelo Angus Anita Anja Anjali Ankit Anna Annabel Anne Annette Annie
    Annika Anouk Ansel Anthony Antoine Antoinette Anton Antonia Antonio Anya Archie Ariana Ariel
    Arjun Arlene Armand Armando Arnaud Arne Arnold Aron Arthur Arturo Arvid Asha Ashley Ashok Astrid
    Aubrey Audrey Augusto Aurelie Aurora Ava Axel Ayesha Ayumi Barbara Barry Bart Bartosz Beata
    Beatrice Beatriz Becky Ben Benedict Benedikt Benjamin Benoit Bernadette Bernard Bernardo Bernd
    Bernhard Bernice Bert Bertha Beth Bethany Betty Beverly Bianca Björn Bjorn Blake Bob Bobby
    Bogdan Bonnie Boris Brad Bradley Brandon Brenda Brendan Brent Brett Brian Bridget Brigitte
    Britney Brooke Bruce Bruno Bryan Bryce Caitlin Caleb Calvin Cameron Camila Camilla Camille
    Candice Carina Carl Carla Carlo Carlos Carmen Carol Carole Carolina Caroline Carolyn Carrie
    Casey Cassandra Catalina Caterina Catherine Cathy Cecilia Cedric Celeste Celia Celine Cesar Chad
    Chandra Chantal Charlene Charles Charlie Charlotte Chen Cheryl Chiara Chloe Chris Christa
    Christian Christiane Christina Christine Christoph Christophe Christopher Chuck Cindy Claire
    Clara Clarence Claudia Claudio Claus Clemens Clement Clément Clifford Clive Clyde Cody Colette
    Colin Colleen Connie Connor Conrad Constance Constantin Cora Corinne Cornelia Cornelius Cory
    Cosimo Courtney Craig Cristian Cristina Curtis Cynthia Dagmar Daisy Dale Damian Damien Dan Dana
    Daniel Daniela Daniele Danielle Danny Daria Darius Darlene Darren Dave David Davide Dawid Dean
    Debbie Deborah Debra Deepak Deirdre Delia Denis Denise Dennis Derek Desiree Devon Diana Diane
    Didier Diego Dieter Dietrich Dilip Dimitri Dina Dirk Dmitri Dmitry Dolores Dominic Dominik
    Dominique Don Donald Donna Dora Doreen Doris Dorota Dorothea Dorothy Doug Douglas Duncan Dustin
    Dylan Earl Ebony Eddie Edgar Edith Edmund Edna Eduard Eduardo Edward Edwin Eileen Elaine Eleanor
    Elena Eleni Eli Elias Elijah Elin Elisa Elisabeth Elise Eliza Elizabeth Ella Ellen Elliot
    Elliott Elmer Eloise Elsa Elsie Elvira Emanuel Emil Emilia Emilie Emilio Emily Emine Emma
    Emmanuel Emre Enrico Enrique Eric Erica Erich Erik Erika Erin Ernest Ernesto Ernst Erwin
    Esmeralda Esteban Estelle Esther Ethan Ethel Etienne Étienne Eugene Eugenia Eva Evan Evangeline
    Evelyn Ewa Fabian Fabienne Fabio Fabrice Fatima Fatma Federica Federico Felicia Felicity Felipe
    Felix Ferdinand Fernanda Fernando Filip Filippo Finn Fiona Flavia Flora Florence Florian Frances
    Francesca Francesco Francine Francis Francisca Francisco Franck Franco Francois François
    Françoise Frank Franz Fred Freddie Frederic Frederick Frederik Freya Frida Friedrich Fritz
    Gabriel Gabriela Gabriele Gabriella Gabrielle Gail Gareth Gary Gaston Gavin Gayle Gemma Geoff
    Geoffrey George Georges Georgia Georgina Gerald Geraldine Gerard Gerd Gerhard Gertrude Gianluca
    Giancarlo Gianni Gilbert Gilles Gina Ginger Giorgio Giovanna Giovanni Gisela Giulia Giulio
    Giuseppe Gladys Glenn Gloria Gordon Grace Graham Greg Gregor Gregory Greta Grzegorz Guadalupe
    Guillaume Guillermo Günter Gunter Günther Gunnar Gustav Gustavo Guy Gwen Gwendolyn Hakan Hamza
    Hana Hank Hanna Hannah Hannes Hans Harald Harold Haroon Harriet Harris Harry Harsh Haruto Harvey
    Hassan Hayley Hazel Heather Hector Heidi Heike Heiko Heinrich Heinz Helen Helena Helene Helga
    Helmut Hendrik Henri Henrik Henry Herbert Herman Hermann Hilary Hilda Hiroshi Holger Holly Horst
    Howard Hubert Hugh Hugo Ian Ibrahim Ida Ignacio Igor Ilse Iman Imogen Imran Ines Inés Inga Inge
    Ingeborg Ingrid Irene Irina Iris Irma Isaac Isabel Isabella Isabelle Isaiah Ismael Ivan Ivana
    Ivo Ivy Jaap Jacek Jack Jackie Jackson Jacob Jacqueline Jacques Jade Jaime Jakob Jakub James
    Jamie Jan Jana Jane Janet Janice Janina Janine Jared Jaroslav Jasmin Jasmine Jason Javier Jay
    Jayden Jean Jeanette Jeanne Jeff Jeffrey Jen Jenna Jennifer Jenny Jens Jeremiah Jeremy Jerome
    Jérôme Jerry Jesper Jesse Jessica Jessie Jesus Jesús Jill Jim Jimmy Jin Jo Joachim Joan Joanna
    Joanne Joao João Joaquin Jochen Jodie Joe Joel Joerg Johan Johanna Johannes John Johnny Jolanda
    Jon Jonas Jonathan Joost Jordan Jörg Jorge Jose José Josef Josefina Joseph Josephine Josh Joshua
    Josie Joy Joyce Juan Juana Juanita Judith Judy Juergen Jürgen Julia Julian Juliana Juliane Julie
    Julien Juliet Juliette Julio Julius Justin Justine Justyna Kai Kaja Kamal Kamil Kamila Karen
    Karim Karin Karina Karl Karla Karolina Karsten Katarina Katarzyna Kate Katharina Katherine
    Kathleen Kathrin Kathryn Kathy Katia Katie Katja Katrin Katrina Kay Kayla Kazuo Keith Kelly
    Kelvin Ken Kendra Kenji Kenneth Kenny Kerry Kevin Khalid Khaled Kim Kimberly Kirk Kirsten Kirsty
    Klara Klaus Knut Konrad Konstantin Kristen Kristian Kristin Kristina Kristine Kristof Krzysztof
    Kumar Kurt Kyle Lakshmi Lars Larry Latoya Laura Laurel Lauren Laurence Laurent Laurie Lawrence
    Layla Lea Léa Leah Leandro Leanne Lee Leila Lena Leo Leon Léon Leonard Leonardo Leonie Leonor
    Leroy Leslie Lester Leticia Levi Lewis Li Liam Liliana Lillian Lily Lina Linda Lindsay Linus
    Lionel Lisa Liv Livia Liz Lloyd Logan Lois Lola Lorenzo Loretta Lorna Lorraine Lotte Lou Louis
    Louisa Louise Luc Luca Lucas Lucia Lucía Luciano Lucie Lucille Lucinda Lucy Ludwig Luigi Luis
    Luisa Luiz Lukas Łukasz Luke Luna Luther Lydia Lyn Lynette Lynn Maciej Mackenzie Maddison
    Madeleine Madison Mads Magdalena Maggie Magnus Mahmoud Maja Malcolm Malgorzata Małgorzata Malik
    Mandy Manfred Manoj Manon Manuel Manuela Mara Marc Marcel Marcelo Marcia Marcin Marco Marcos
    Marcus Marek Margaret Margarita Margit Margot Marguerite Maria María Mariam Marian Mariana
    Marianne Marie Mariella Marielle Marilyn Marina Mario Marion Marisa Marjorie Marko Markus
    Marlene Marlon Marta Martha Martin Martina Martine Marty Marvin Mary Maryam Mateo Mateusz
    Mathias Mathieu Mathilde Matilda Matt Matteo Matthew Matthias Matthieu Maud Maureen Maurice
    Mauricio Maurizio Mauro Max Maxence Maxim Maxime Maximilian Maxine Maya Megan Mehdi Mehmet Mei
    Melanie Melinda Melissa Melvin Mercedes Meredith Merle Mia Michael Michaela Michal Michał Michel
    Michele Michelle Miguel Mika Mikael Mike Mikhail Mila Milan Mildred Milena Millie Milos Mindy
    Ming Minh Mira Miranda Miriam Mirjam Mitchell Mohamed Mohammad Mohammed Mohan Moira Molly Mona
    Monica Monika Monique Montserrat Morgan Morten Moses Muhammad Muriel Mustafa Myra Myriam Myrtle
    Nadia Nadine Naomi Natalia Natalie Natasha Nathalie Nathan Nathaniel Neal Neha Neil Nelly Nelson
    Niamh Nicholas Nick Nico Nicola Nicolai Nicolas Nicole Niels Nigel Niklas Nikolai Nikolaos Nils
    Nina Nirmala Noah Noel Nora Norbert Norma Norman Nuno Octavia Ola Olaf Ole Oleg Olga Oliver
    Olivia Olivier Omar Orlando Oscar Oskar Osman Otto Owen Pablo Paige Palle Paloma Pam Pamela
    Paola Paolo Pascal Patricia Patrick Patrik Patrizia Patty Paul Paula Paulina Pauline Paulo Pavel
    Pawel Paweł Pedro Peggy Penelope Penny Per Percy Perry Petar Pete Peter Petr Petra Philip
    Philipp Philippa Philippe Phillip Phoebe Phyllis Pia Pierre Pieter Pietro Pilar Piotr Pooja
    Poppy Prakash Priscilla Priya Quentin Quinn Rachel Rachid Radka Rafael Raffaele Rahul Raj Rajesh
    Ralf Ralph Ram Ramon Ramón Ramona Randall Randy Raphael Raquel Rashid Rasmus Raul Raúl Ravi
    Raymond Rebecca Regina Reginald Reinhard Rekha Remy Renata Renate Rene René Renée Reza Rhonda
    Ricardo Riccardo Richard Rick Ricky Rita Rob Robbie Robert Roberta Roberto Robin Rodney Rodrigo
    Roger Roland Rolf Roman Romain Romeo Ron Ronald Ronan Ronja Rosa Rosalie Rosalind Rosanna
    Rosario Rosemarie Rosemary Rosie Ross Roxanne Roy Rüdiger Ruben Rudolf Rudy Rufus Rupert Russell
    Ruth Ryan Sabina Sabine Sabrina Sadie Said Salim Sally Salma Salvador Salvatore Sam Samantha
    Sami Samir Samuel Sandeep Sandra Sandro Sandy Sanjay Santiago Sara Sarah Sasha Saskia Scott Sean
    Sebastian Sébastien Selma Serena Sergei Sergey Sergio Seth Shane Shannon Sharon Shaun Shawn
    Sheila Shelley Sherry Shirley Sidney Sidonie Siegfried Sigrid Silas Silke Silvia Simon Simona
    Simone Siobhan Siegfried Sofía Sofia Sofie Solveig Sonia Sonja Sonya Sophia Sophie Søren Soren
    Spencer Stacey Stacy Stan Stanislav Stanislaw Stanley Stefan Stefania Stefanie Stefano Steffen
    Stella Stephan Stephanie Stephen Steve Steven Stewart Stuart Sue Suman Sunil Suresh Susan Susana
    Susanne Susie Suzanne Svein Sven Svetlana Swati Sybille Sylvain Sylvester Sylvia Sylvie Tabitha
    Takashi Takeshi Tamara Tammy Tanja Tanya Tara Tariq Tatiana Taylor Ted Teresa Terence Teresita
    Terrance Terry Tessa Thea Thelma Theo Theodor Theodore Theresa Therese Thierry Thomas Thorsten
    Tiago Tiffany Tilda Tim Timo Timothy Tina Tobias Todd Tom Tomas Tomás Tomasz Tommy Toni Tony
    Torben Torsten Tracey Tracy Travis Trevor Tristan Troy Tyler Udo Ulf Ulla Ulrich Ulrike Umberto
    Ursula Uta Ute Uwe Valentin Valentina Valeria Valerie Vanessa Vasile Veronica Veronika Vera
    Vicente Vicki Victor Victoria Vijay Vikram Viktor Viktoria Vincent Vincenzo Viola Violet
    Virginia Vivian Viviane Vladimir Volker Wade Walter Waltraud Wanda Warren Wayne Wei Wendy Werner
    Wesley Wilbur Wilfred Wilhelm Willem William Willie Wilma Winifred Winston Witold Wojciech
    Wolfgang Xavier Ximena Yan Yann Yannick Yasmin Yasmine Yolanda Yosef Youssef Yuki Yuko Yuri
    Yusuf Yves Yvette Yvonne Zachary Zahra Zainab Zara Zbigniew Zeynep Zoe Zoé Zofia Zoltan
    """.split()
)
AMBIGUOUS = frozenset(
    """
    Ada Amber April Ariel Art Aurora Ava Bill Blake Bob Brooke Chad Chase Chen Chuck Constance Cora
    Dale Dan Dana Dawn Dean Devon Diego Don Earl Eve Faith Finn Flora Florence Frank Gene Georgia
    Ginger Glen Grace Grant Guy Hank Harris Harry Hazel Holly Hope Iris Ivy Jack Jackson Jade Jan
    Jasmine Jay Jean Jersey Jordan Joy June Kay Ken Kim Kirk Kumar Lance Laurel Lee Leo Li Lily
    Logan Lou Luna Madison Mark Max May Mei Mercedes Miles Ming Morgan Neal Nelson Norma Olive
    Orlando Page Paris Pat Patience Per Perry Poppy Quinn Ram Ray Rob Robin Roman Rosario Rose Ross
    Roy Ruby Said Sam Sandy Santiago Scott Sean Seth Spencer Stan Stella Sue Sydney Taylor Ted Theo
    Tiffany Todd Tom Toni Troy Tyler Vera Victoria Viola Violet Virginia Wade Warren Wei Wesley Will
    Winston Yan
    """.split()
)
FAMILY = frozenset(
    """
    Adams Aguilar Ahmed Alexander Ali Allen Alonso Alvarez Álvarez Andersen Anderson Andersson
    Armstrong Arnold Bailey Baker Barbieri Barnes Bauer Baumann Becker Bell Bennett Berg Berger
    Bernard Bernasconi Bianchi Bouvier Bradley Brandt Braun Brodeur Brooks Brown Bruno Bryant Butler
    Campbell Carlson Carter Castillo Castro Chapman Chavez Chen Christensen Clark Clarke Cole
    Coleman Collins Colombo Conti Cook Cooper Costa Cox Crawford Cruz Cunningham Davies Davis
    Delgado Diaz Díaz Dietrich Dixon Dubois Dumont Duncan Dupont Durand Edwards Elliott Ellis Engel
    Esposito Evans Fernández Fernandez Ferrari Fischer Fisher Fleming Fletcher Flores Foster
    Fournier Fox Franke Freeman Friedrich Fuchs Garcia García Gardner George Gibson Girard Gomez
    Gómez Gonzales Gonzalez González Gordon Graham Grant Gray Greco Greene Griffin Gruber Guerrero
    Gupta Gutierrez Gustafsson Hall Hamilton Hansen Hansson Harris Harrison Hartmann Hayes Henderson
    Henry Hernández Hernandez Herrera Herrmann Hicks Hoffman Hoffmann Hofmann Holmes Horn Howard
    Huber Hughes Hunt Hunter Ibrahim Ito Ivanov Ivanova Jackson Jacobs James Jansen Janssen Jenkins
    Jensen Jiménez Johansson Johnson Johnston Jones Jordan Jung Kaiser Kaminski Karlsson Kaufmann
    Keller Kelly Kennedy Khan Kim King Klein Koch Kowalski Kowalska Krämer Kraus Krause Krüger
    Krueger Kumar Lambert Lang Lange Larsen Larsson Laurent Lawson Lefebvre Lehmann Leroy Lewis
    Lindberg Long Lopez López Lorenz Ludwig Maier Marino Marshall Martin Martinez Martínez Mason
    Matthews Mayer Mazur McCarthy McDonald Mehta Meier Mendoza Mercier Meyer Miller Mitchell Moore
    Morales Moreau Moreno Moretti Morgan Morris Morrison Müller Mueller Møller Munoz Muñoz Murphy
    Murray Myers Nakamura Navarro Nelson Neumann Nguyen Nielsen Nilsson Novak Nowak Olsen Olson
    Olsson Ortega Ortiz Owens Palmer Park Parker Patel Patterson Payne Pedersen Perez Pérez Perkins
    Perry Persson Peters Petersen Peterson Petrov Pfeiffer Phillips Popescu Porter Powell Price
    Ramirez Ramírez Ramos Rasmussen Reyes Reynolds Ricci Richard Richards Richardson Richter Rivera
    Roberts Robertson Robinson Rodrigues Rodriguez Rodríguez Rogers Romano Romero Rossi Roth
    Rousseau Roux Rubio Ruiz Russo Ryan Saito Sanchez Sánchez Sanders Sano Santos Sato Sauer Schmid
    Schmidt Schmitt Schneider Scholz Schreiber Schröder Schubert Schulte Schultz Schulz Schumacher
    Schuster Schwarz Seidel Sharma Shaw Silva Simmons Simon Simpson Singh Smirnov Smith Sommer
    Sorensen Sørensen Souza Spencer Stein Stevens Stewart Sullivan Suzuki Svensson Takahashi Tanaka
    Taylor Thomas Thompson Thomsen Torres Tran Turner Vargas Vasquez Vazquez Vázquez Verma Vidal
    Vogel Vogt Voigt Wagner Walker Wallace Walter Wang Ward Washington Watanabe Watson Weber Webb
    Weiss Weiß Wells Werner West White Wilkinson Williams Wilson Winkler Wójcik Wolf Wolff Wood
    Woods Wright Yamada Yamamoto Yang Yilmaz Young Zhang Zhou Ziegler Zimmermann
    """.split()
)
# Capitalised in titles, headings and product names; a row with one of them is no person.
COMMON = frozenset(
    """
    Two Three Four Five Six Seven Eight Nine Ten Figure Access Account Action Active Add Address
    Admin Advanced Agent Air Alpha American Analysis
    Android Angular Annual Api App Application Architecture Area Art Article Artificial Asia
    Assistant Associates Atlantic Audio Authority Auto Azure Background Backup Base Basic Bay Beach
    Beta Big Bill Black Blue Board Body Book Branch Bridge British Browser Budget Build Building
    Business Button Cache Calendar Canal Capital Card Care Case Cash Cat Category Center Central
    Centre Change Channel Chapter Chat Check Chief China Chinese Chrome City Class Claude Clean
    Client Clinic Cloud Club Coast Code Codex Coffee College Color Command Commerce Commit Common
    Community Computer Conference Config Configuration Console Container Content Control Copyright
    Core Corp Corporation Council Country County Course Credit Crystal Custom Customer Daily Dark
    Dashboard Data Database Date Day Debug Deep Default Delivery Delta Department Deployment Design
    Desk Desktop Detail Dev Developer Development Digital Director Directory Discord Docker Document
    Documentation Domain Double Download Draft Driver Dutch Early Eastern Edge Edit Edition Editor
    Education Electric Electronic Elastic Energy Engine Engineer Engineering English Enterprise
    Environment Error Estate European Event Exchange Executive Export Express External Extra Face
    Facebook Family Fast Feature Federal Festival Field File Final Finance Financial Fire Firefox
    First Fiscal Flash Flight Flow Food Foreign Forest Form Format Foundation Frame Framework Free
    French Friday Front Full Function Fund Future Galaxy Game Garden Gas Gate Gateway Gemini General
    German Git Github Gitlab Global Gmail Gold Golden Government Grand Graph Green Grey Grid Guide
    Hall Hardware Head Health Help High Hill Holiday Home Hong Host Hotel Hour House Hub Human Image
    Import Index Indian Industries Info Information Inn Input Institute Insurance Intelligence
    Interface Internal International Internet Introduction Invoice Island Issue Item Japanese Job
    Journal Js Json Key Kit Kong Kubernetes Lab Laboratory Lake Land Language Large Law Layer Lead
    Learning Legal Level Library License Licence Life Light Line Link List Little Live Load Local
    Log Login Logo Loop Machine Magic Main Major Management Map Marine Market Marketing Master
    Matrix Media Medical Meeting Memory Menu Message Meta Method Metro Microsoft Middle Mission
    Mobile Mode Model Modern Module Money Monitor Month Moon Mountain Movie Multi Music National
    Native Natural Network Neural News Next Night Node Noise North Northern Note Notebook Notes
    Object Ocean Office Official Old Online Only Open Operating Operation Operations Option Options
    Orange Order Organization Output Overview Owner Pacific Package Page Palace Panel Partner Parts
    Pass Password Path Pattern Payment Personal Phase Photo Plan Planning Plus Point Policy Pool
    Port Post Power Premium President Press Price Primary Prime Print Private Pro Process Product
    Production Products Professional Profile Program Project Property Protocol Public Pull Purchase
    Pure Push Quality Quarter Quarterly Query Question Quick Radio Rail React Read Ready Real Record
    Red Reference Region Release Remote Report Republic Request Research Resource Response Rest
    Retail Review Revenue Right River Road Role Room Root Route Royal Rule Run Russian Safe Sales
    Sample Science Search Second Section Secure Security Senior Series Server Service Services
    Session Set Settings Setup Shared Sheet Shop Silver Simple Single Site Slack Small Smart Social
    Society Software Solutions Source South Southern Space Spanish Special Speed Spring Stack Staff
    Standard Star State States Status Steel Step Stock Stone Storage Store Story Strategy Stream
    Strong Studio Style Sub Summary Summer Summit Sun Super Supply Support Sure Surface System
    Systems Table Tag Tank Target Task Tax Tea Team Tech Technical Technologies Technology Template
    Terms Test Text Theory Third Ticket Time Title Tool Tools Top Total Tower Town Track Trade
    Traffic Training Transfer Transport Travel Tree Trust Type Ubuntu Union Unit United Unix Update
    Upper Use User Value Vendor Version Video View Village Virtual Vision Visual Voice War Warning
    Water Wave Way Web Week Weekly West Western White Wide Widget Wild Wind Window Winter Wireless
    Wood Word Work Workflow Working Workshop World Yellow Zone
    """.split()
)
